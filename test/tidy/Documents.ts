/**
 * What a document claims about the repository, as functions: quotations, links, paths, commands.
 *
 * A block of code in a document is a quotation: ```ts from=examples/two-peers.ts, or from=path#name for what stands between
 * `// #region name` and `// #endregion`, less its common indent. Nobody can run prose, so code that names no source is a fault.
 */
import { dirname, join, normalize, sep } from "node:path"
import { lineAt, type Source } from "./Source.ts"

export interface Document {
  readonly path: string
  readonly text: string
}

/** The text of a file from the root, a folder as "", or null when there is none. */
export type Read = (path: string) => string | null

const fence = /^( *)```(\w*)([^\n]*)\n([\s\S]*?)^ *```$/gm

/** Every quotation is what it names, byte for byte, and code is never without a source. */
export const quotations = (document: Document, read: Read): ReadonlyArray<string> =>
  [...document.text.matchAll(fence)].flatMap(([block, , language, info, quoted]) => {
    const where = `${document.path}:${lineAt(document.text, document.text.indexOf(block))}`
    const from = /\bfrom=(\S+)/.exec(info!)?.[1]
    if (from === undefined)
      return ["ts", "tsx", "typescript", "js", "javascript"].includes(language!)
        ? [`${where} shows code that nothing runs: quote a file, \`\`\`${language} from=path or from=path#region`]
        : []
    const [file, name] = from.split("#") as [string, string?]
    const text = read(file)
    if (text === null) return [`${where} quotes ${file}, which is not there`]
    const original = name === undefined ? text : region(text, name)
    if (original === null)
      return [`${where} quotes the region ${name} of ${file}: mark it with // #region ${name} and // #endregion`]
    return original === quoted ? [] : [`${where} is no longer what ${from} says; paste this:\n${original}`]
  })

/** What stands between the markers of a region, less its common indent; null when there is none, or none that ends. */
const region = (text: string, name: string): string | null => {
  const lines = text.split("\n")
  const from = lines.findIndex((line) => line.trim() === `// #region ${name}`)
  const to = lines.findIndex((line, at) => at > from && line.trim().startsWith("// #endregion"))
  if (from === -1 || to === -1) return null
  const inside = lines.slice(from + 1, to)
  const indent = Math.min(...inside.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length))
  return inside.map((line) => `${line.slice(indent)}\n`).join("")
}

/** What GitHub makes of a heading. */
const anchor = (heading: string): string =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-")

const anchorsOf = (text: string): ReadonlySet<string> =>
  new Set([...text.replace(fence, "").matchAll(/^#{1,6} +(.+)$/gm)].map((match) => anchor(match[1]!)))

/** Every relative link leads to a file or folder, and its anchor to a heading. */
export const links = (document: Document, read: Read): ReadonlyArray<string> => {
  const prose = document.text
    .replace(fence, (block) => block.replace(/[^\n]/g, " "))
    .replace(/`[^`\n]*`/g, (code) => " ".repeat(code.length))
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
    const to = match[1]!
    if (/^[a-z][a-z0-9+.-]*:/i.test(to)) return []
    const where = `${document.path}:${lineAt(prose, match.index)}`
    const [file, heading] = to.split("#") as [string, string?]
    const path =
      file === ""
        ? document.path
        : normalize(join(dirname(document.path), file))
            .split(sep)
            .join("/")
    return leads(path, heading, (to) => (to === document.path ? document.text : read(to))).map(
      (fault) => `${where} links to ${to}: ${fault}`
    )
  })
}

const leads = (path: string, heading: string | undefined, read: Read): ReadonlyArray<string> => {
  const text = read(path)
  if (text === null) return [`there is no ${path}`]
  return heading === undefined || anchorsOf(text).has(heading) ? [] : [`${path} has no heading for #${heading}`]
}

/** A path that a document names in backticks is there. Patterns, and what a run makes, are no paths. */
export const paths = (document: Document, read: Read): ReadonlyArray<string> =>
  [
    ...document.text
      .replace(fence, (block) => block.replace(/[^\n]/g, " "))
      .matchAll(/`((?:src|test|docs|examples|bench|demo|scripts|\.ci)\/[\w./-]*)(?:#[\w-]+)?`/g)
  ]
    .filter((match) => read(match[1]!) === null)
    .map((match) => `${document.path}:${lineAt(document.text, match.index)} names ${match[1]}, which is not there`)

/** Every script of npm that a document tells one to run exists. */
export const commands = (document: Document, scripts: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  [...document.text.matchAll(/\bnpm (?:run ([\w:-]+)|(start|test)\b)/g)]
    .filter((match) => scripts[match[1] ?? match[2]!] === undefined)
    .map(
      (match) => `${document.path}:${lineAt(document.text, match.index)} says "${match[0]}", and package.json has no such script`
    )

/** A comment that sends the reader to a document sends him to a heading that is there. */
export const references = (source: Source, read: Read): ReadonlyArray<string> =>
  [...source.comments.matchAll(/\b((?:docs\/[\w/-]+|README|ARCHITECTURE|CHANGELOG)\.md)(?:#([\w-]+))?/g)].flatMap((match) =>
    leads(match[1]!, match[2], read).map(
      (fault) => `${source.path}:${lineAt(source.text, match.index)} sends the reader to ${match[0]}: ${fault}`
    )
  )

/** The numbers of the rules that suites for users state in their opening comment: "S1 reads give …". */
export const rulesOfSuites = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sortedOnce(
    sources.flatMap((source) => [
      ...(/^\/\*\*[\s\S]*?\*\//.exec(source.text)?.[0] ?? "").matchAll(/(?<![\w#])([A-Z]\d+)(?= [a-z])/g)
    ])
  )

/** The numbers of the promises that modules state in comments, "[F1] nothing is visible …", and documents, "- **F1** nothing is …". */
export const rulesStated = (sources: ReadonlyArray<Source>, documents: ReadonlyArray<Document>): ReadonlyArray<string> =>
  sortedOnce([
    ...sources.flatMap((source) => [...source.comments.matchAll(/\[([A-Z]\d+)\]/g)]),
    ...documents.flatMap((document) => [...document.text.matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)])
  ])

/** The numbers that titles of tests carry: "[S1] reads give …". */
export const rulesTested = (sources: ReadonlyArray<Source>): ReadonlyArray<string> =>
  sortedOnce(sources.flatMap((source) => [...source.text.matchAll(/["'`]\[([A-Z]\d+)\] /g)]))

const sortedOnce = (matches: ReadonlyArray<RegExpExecArray>): ReadonlyArray<string> =>
  [...new Set(matches.map((match) => match[1]!))].sort()
