/**
 * What ARCHITECTURE.md and docs/format.md must name: every module of src/ in one line, and every label that is hashed or signed.
 *
 * A map with holes is worse than none, since one trusts it. The message is the very line to add.
 */
import type { Source } from "./Source.ts"

/** Every module of src/ has its line in ARCHITECTURE.md, and every line there its module. */
export const modules = (sources: ReadonlyArray<Source>, architecture: string): ReadonlyArray<string> => {
  const there = new Map(sources.filter((source) => source.path.startsWith("src/")).map((source) => [source.path, source]))
  const lines = [...architecture.matchAll(/^- `((?:\w+\/)*\w+\.ts)`: (.*)$/gm)]
  const named = new Set(lines.map((match) => `src/${match[1]!}`))
  return [
    ...[...there.values()]
      .filter((source) => !named.has(source.path))
      .map((source) => `ARCHITECTURE.md does not name ${source.path}: add under "Modules"\n${moduleLine(source)}`),
    ...[...named]
      .filter((path) => !there.has(path))
      .map((path) => `ARCHITECTURE.md names ${path}, which is gone: remove its line`),
    ...lines
      .filter((match) => match[2]!.trim().length < 10)
      .map((match) => `ARCHITECTURE.md does not say what ${match[1]!} is for`)
  ]
}

/** The line of a module: its path below src/ and the first sentence of its comment. */
export const moduleLine = (source: Source): string => {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source.text)?.[1] ?? ""
  const opening = comment
    .split(/\n\s*\*?\s*\n/)[0]!
    .replace(/\s*\n\s*\*\s*/g, " ")
    .replace(/^[\s*]+|\s+$/g, "")
  const sentence = /^.*?[.](?=\s|$)/.exec(opening)?.[0] ?? opening
  return `- \`${source.path.replace(/^src\//, "")}\`: ${sentence.replace(/\.$/, "")}.`
}

/** The labels in the sources: "echo/genesis" and the like. A service's key has capitals and is none. */
export const labelsOf = (sources: ReadonlyArray<Source>): ReadonlyMap<string, string> =>
  new Map(
    sources
      .filter(
        (source) =>
          source.path.startsWith("src/schema/") ||
          source.path.startsWith("src/services/") ||
          source.path.startsWith("src/layers/")
      )
      .flatMap((source) =>
        [...source.text.matchAll(/["'`]((?:halo|echo|mesh|kube|troupe)\/[a-z]+(?:-[a-z]+)*)(?=["'`\\]|\/v\d)/g)]
          .filter((match) => source.comments[match.index] === " ")
          .map((match) => [match[1]!, source.path] as const)
      )
  )

/** Every label that the code writes is told in docs/format.md; what signs a labelled id, `…-sig`, is told with it. */
export const labels = (sources: ReadonlyArray<Source>, format: string): ReadonlyArray<string> =>
  [...labelsOf(sources)]
    .filter(([label]) => !new RegExp(`(?<![\\w/-])${label.replace(/-sig$/, "")}(?:-sig)?(?![\\w-])`).test(format))
    .map(([label, path]) => `docs/format.md does not tell the label "${label}" of ${path}: say which bytes it stands before`)
