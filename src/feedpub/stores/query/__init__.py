"""Store `sql` with a query of the admin's own, on any database that SQLAlchemy speaks with.

options.py     what an admin may say, and what to write instead
address.py     the database's address -> one that can be opened here
wording.py     the query as text -> what can be told of it without a database
dialects.py    an address -> short, read-only sessions, and the database's clock
moments.py     dates as databases give them -> instants; an instant -> `:since`
rows.py        columns and rows -> articles, or why a row cannot be read
filing.py      categories that rows name, or that a query of their own gives -> one taxonomy
spool.py       an answer in any order -> rows by age, each id once
place.py       the cursor
reasons.py     a driver's error -> one sentence that says what to change
store.py       all this, as a store
"""
