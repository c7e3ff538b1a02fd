/**
 * A source file as the rules of the house see it: its path, its text, its code without comments and strings, and its imports.
 *
 * Rules that look for words must not stumble over prose: "setTimeout" in a comment is no timer. TypeScript 7 has no parser that
 * one can call from here, so comments, strings and regular expressions are blanked by a small scanner, line by line as they were.
 */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, normalize, resolve, sep } from "node:path"

export interface Source {
  /** From the root of the repository, with slashes: `src/schema/echo/Feed.ts`. */
  readonly path: string
  readonly text: string
  /** The text with comments, strings and regular expressions replaced by blanks; the same length. */
  readonly code: string
  /** The text with all but its comments replaced by blanks; the same length. */
  readonly comments: string
  readonly imports: ReadonlyArray<Import>
}

export interface Import {
  readonly specifier: string
  /** What a relative specifier leads to, from the root; null for a package. */
  readonly path: string | null
  readonly typeOnly: boolean
  /** Loaded when somebody asks for it, and not with the module. */
  readonly isLazy: boolean
  readonly line: number
}

export const root = resolve(import.meta.dirname, "..", "..")

/** A source from its text; planted faults are made with it as well. */
export const source = (path: string, text: string): Source => {
  const { code, comments } = blank(text)
  return { path, text, code, comments, imports: importsOf(path, text, code) }
}

/** All TypeScript files below the folders; a folder that is not there holds none. */
export const sourcesIn = (...folders: ReadonlyArray<string>): ReadonlyArray<Source> =>
  filesIn(folders, ".ts").map((path) => source(path, readFileSync(join(root, path), "utf8")))

export const filesIn = (folders: ReadonlyArray<string>, end: string): ReadonlyArray<string> =>
  folders
    .flatMap((folder) => {
      try {
        return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file))
      } catch {
        return []
      }
    })
    .map((path) => path.split(sep).join("/"))
    .filter((path) => path.endsWith(end) && !path.includes("node_modules/") && !path.includes("dist/"))
    .sort()

/** The line of an offset, from 1. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** Where a pattern stands in the code, comments and strings not counted. */
export const linesOf = (code: string, pattern: RegExp): ReadonlyArray<number> =>
  [...code.matchAll(new RegExp(pattern, pattern.flags.includes("g") ? pattern.flags : `${pattern.flags}g`))].map((match) =>
    lineAt(code, match.index)
  )

const importPattern =
  /\b(?:import|export)\b(\s+type\b)?(?:(?!\n(?:import|export)\b)[^"'`;()])*?\bfrom\s*(["'])|\bimport\s*\(?\s*(["'])/g

const importsOf = (path: string, text: string, code: string): ReadonlyArray<Import> =>
  [...code.matchAll(importPattern)].map((match) => {
    const from = match.index + match[0].length
    const specifier = text.slice(from, text.indexOf(match[2] ?? match[3] ?? '"', from))
    return {
      specifier,
      path: specifier.startsWith(".")
        ? normalize(join(dirname(path), specifier))
            .split(sep)
            .join("/")
        : null,
      typeOnly: match[1] !== undefined,
      isLazy: match[0].includes("("),
      line: lineAt(text, match.index)
    }
  })

const blanks = (text: string): string => text.replace(/[^\n]/g, " ")

/** Parts code from comments, and blanks the strings in it. Their quotes stay, so that imports can still be found. */
const blank = (text: string): { readonly code: string; readonly comments: string } => {
  let out = ""
  let comments = ""
  let at = 0
  /** Brace depths at which a `${` of a template was opened. */
  const templates: Array<number> = []
  let depth = 0
  const skipTo = (end: number, keep: number) => {
    const last = Math.min(end, text.length)
    const inside = text.slice(at + keep, Math.max(at + keep, last - keep))
    out += text.slice(at, at + keep) + blanks(inside) + text.slice(at + keep + inside.length, last)
    comments += keep === 0 ? inside : blanks(text.slice(at, last))
    at = last
  }
  while (at < text.length) {
    const rest = text.slice(at, at + 2)
    const char = text[at]!
    if (rest === "//") skipTo(indexAfter(text, "\n", at, 0), 0)
    else if (rest === "/*") skipTo(indexAfter(text, "*/", at + 2, 2), 0)
    else if (char === '"' || char === "'") skipTo(endOfQuoted(text, at + 1, char), 1)
    else if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop()
      const end = endOfTemplate(text, at + 1)
      if (text[end - 1] === "{") templates.push(depth)
      skipTo(end, 1)
    } else if (char === "/" && startsRegExp(out)) skipTo(endOfRegExp(text, at + 1), 1)
    else {
      if (char === "{") depth++
      if (char === "}") depth--
      out += char
      comments += blanks(char)
      at++
    }
  }
  return { code: out, comments }
}

const indexAfter = (text: string, end: string, from: number, length: number): number => {
  const found = text.indexOf(end, from)
  return found === -1 ? text.length : found + length
}

const endOfQuoted = (text: string, from: number, quote: string): number => {
  let at = from
  while (at < text.length && text[at] !== quote && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1
  return at + 1
}

/** After the closing backtick, or after the `${` that opens an expression. */
const endOfTemplate = (text: string, from: number): number => {
  let at = from
  while (at < text.length && text[at] !== "`") {
    if (text[at] === "$" && text[at + 1] === "{") return at + 2
    at += text[at] === "\\" ? 2 : 1
  }
  return at + 1
}

const endOfRegExp = (text: string, from: number): number => {
  let at = from
  let inClass = false
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "[") inClass = true
    if (text[at] === "]") inClass = false
    at += text[at] === "\\" ? 2 : 1
  }
  return at + 1
}

/** A slash after an operator, an opening bracket or `return` begins a regular expression; elsewhere it divides. */
const startsRegExp = (before: string): boolean =>
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|yield|await))\s*$/.test(before.slice(-40))
