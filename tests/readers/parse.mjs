// The readers that people build with Node: node parse.mjs FOLDER LIBRARY URL -> a JSON list of what it sees of each
// entry. npm has installed them in FOLDER.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [folder, library, url] = process.argv.slice(2)
const require = createRequire(`${folder}/`)
const load = (name) => import(pathToFileURL(require.resolve(name)).href)

const readers = {
  async 'rss-parser'() {
    const { default: Parser } = await load('rss-parser')
    const { items } = await new Parser().parseURL(url)
    return items.map((item) => [item.guid ?? item.id, item.title, item.link, item.isoDate])
  },
  async feedsmith() {
    const { parseFeed } = await load('feedsmith')
    const { format, feed } = parseFeed(await (await fetch(url)).text())
    if (format === 'json') return feed.items.map((item) => [item.id, item.title, item.url, item.date_published])
    if (format === 'rss') return feed.items.map((item) => [item.guid.value, item.title, item.link, item.pubDate])
    const alternate = (links) => links?.find((link) => link.rel === 'alternate')?.href
    const words = (title) => (typeof title === 'object' ? title.value : title)
    return feed.entries.map((entry) => [entry.id, words(entry.title), alternate(entry.links), entry.published])
  },
  async '@extractus/feed-extractor'() {
    const { extract } = await load('@extractus/feed-extractor')
    const { entries } = await extract(url, { useISODateFormat: true, descriptionMaxLen: 0 })
    return entries.map((entry) => [entry.id, entry.title, entry.link, entry.published])
  },
}

const seen = await readers[library]()
const moment = (at) => new Date(at).toISOString()
console.log(JSON.stringify(seen.map(([id, title, link, at]) => [id ?? '', title ?? '', link ?? '', moment(at)])))
