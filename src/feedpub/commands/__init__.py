"""What people tell feedpub to do, each command a room of its own: they look, ask the ledger, and leave the rest to it.

moments.py   what people say of a moment -> that moment
preview.py   an article + a target + what is known -> what would be said there
seeing.py    the ledger -> previews
page.py      previews -> a page that looks like the posts
deciding.py  what becomes of deliveries by a person's word
trying.py    targets -> whether their credentials are good
heads.py     the bytes of a web page -> what its head says of the site
places.py    an address -> where a site's API, its feeds and its front page may be
visiting.py  the address of a site -> what is there: a WordPress, or a feed
init.py      what a site says of itself -> the config that fits it
findings.py  one line about each thing that was looked at
machine.py   a config + this machine -> how its disk, permissions, database and ports are
outside.py   a config + the network -> how its feeds, its hubs and the clock are
checking.py  all of these at once, with an end
briefs.py    a short topic -> the desk, where the next poll finds it
own_files.py settings -> where our own files lie
marking.py   the ledger + its mark -> whether an older copy was put back
backup.py    our own files -> one archive
restoring.py such an archive -> our own files as they were
"""
