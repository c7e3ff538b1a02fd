/**
 * The law of the code, one function a rule: each takes sources and answers the faults it found, a line of text each.
 *
 * They are functions of sources, and not of the disk, so that tidy.test.ts can plant faults and see every rule complain: a guard
 * that matches nothing is the quietest failure. What the rules are for is told in ARCHITECTURE.md ("The house").
 */
import { type Import, linesOf, type Source } from "./Source.ts"

export type Rule = (sources: ReadonlyArray<Source>) => ReadonlyArray<string>

/** What each floor may import of ours. A face may import every floor below, and itself. */
const below: Record<string, ReadonlyArray<string>> = {
  schema: ["schema"],
  services: ["schema", "services"],
  layers: ["schema", "services"],
  testing: ["schema", "services", "testing"]
}
const faces = ["cli", "react", "promise", "shell"]
const rooms = ["platform", "actor", "echo", "halo", "mesh", "kube", "simulation", "peer"]

const partsOf = (path: string): { readonly floor: string; readonly room: string; readonly noun: string } => {
  const names = path.split("/")
  const noun = names.at(-1)!.replace(/(\.test)?\.ts$/, "")
  return names[0] === "src"
    ? { floor: names.length > 2 ? names[1]! : "", room: names.length > 3 ? names[2]! : "", noun }
    : { floor: names[0]!, room: names.length > 2 ? names[1]! : "", noun }
}

const inSrc = (source: Source): boolean => source.path.startsWith("src/")
const each = (sources: ReadonlyArray<Source>, faults: (source: Source) => ReadonlyArray<string>) => sources.flatMap(faults)
const at = (source: Source, line: number, says: string): string => `${source.path}:${line} ${says}`

/** An assembly builds a whole Peer, World or KUBE out of layers, and does nothing else. */
const isAssembly = (path: string): boolean => partsOf(path).floor === "layers" && /^(Peer|World|Kube$)/.test(partsOf(path).noun)

/** A layer that is about one platform says so at the end of its name. */
const isPlatformLayer = (path: string): boolean =>
  partsOf(path).floor === "layers" &&
  (/(Node|Browser|Level|Noble|Web|IndexedDb|WebRtc|Sql)$/.test(partsOf(path).noun) || partsOf(path).room === "kube")

/** Imports go down: faces, layers, services, schema; a layer imports no other layer, unless it is an assembly. */
export const ladder: Rule = (sources) => {
  const parts = new Set(sources.filter(isPart).map((source) => source.path))
  return each(sources.filter(inSrc), (source) =>
    source.imports.flatMap((edge) => {
      const wrong = climbs(source.path, edge, parts)
      return wrong === null ? [] : [at(source, edge.line, `imports ${edge.specifier}: ${wrong}`)]
    })
  )
}

/** A module on the layers' floor that provides no layer is a part of the one that does, as long as that is one. */
const isPart = (source: Source): boolean =>
  partsOf(source.path).floor === "layers" && !/\bexport\s+const\s+layer/.test(source.code)

const climbs = (from: string, edge: Import, parts: ReadonlySet<string>): string | null => {
  if (edge.path === null) return null
  if (!edge.path.startsWith("src/")) return "nothing in src/ may need what is not shipped; move it into src/ or do without"
  const here = partsOf(from)
  const there = partsOf(edge.path)
  if (here.floor === "") return null
  if (there.floor === "") return "an entry point is for users; import the module itself"
  if (faces.includes(here.floor))
    return here.floor === there.floor || !faces.includes(there.floor) ? null : "a face does not import another face"
  const allowed = below[here.floor]
  if (allowed === undefined) return `${here.floor}/ is no floor of the house`
  if (allowed.includes(there.floor)) return null
  // a test of worlds runs them
  if (here.floor === "testing" && there.room === "simulation") return null
  if (here.floor !== "layers" || there.floor !== "layers") return `${here.floor}/ may import ${allowed.join(", ")} alone`
  if (isAssembly(from) || (here.room === there.room && parts.has(edge.path))) return null
  return "a layer asks for the service; only an assembly (Peer…, World, Kube) knows layers"
}

/** A part belongs to one layer: what two layers need is no part, but schema or a service. */
export const parts: Rule = (sources) => {
  const isOfOne = sources.filter(isPart)
  const users = (path: string, seen: ReadonlySet<string>): ReadonlyArray<string> =>
    sources
      .filter(
        (source) =>
          !seen.has(source.path) && partsOf(source.path).floor === "layers" && source.imports.some((edge) => edge.path === path)
      )
      .flatMap((source) => (isPart(source) ? users(source.path, new Set([...seen, source.path])) : [source.path]))
  return isOfOne.flatMap((part) => {
    const layers = [...new Set(users(part.path, new Set([part.path])))].filter((path) => !isAssembly(path))
    return layers.length < 2
      ? []
      : [`${part.path} is a part of ${layers.join(" and of ")}: move it to schema/, or make it a service`]
  })
}

/** Which packages each floor may import: schema is pure, services know Effect alone, layers and faces touch the platform. */
export const packages: Rule = (sources) =>
  each(sources.filter(inSrc), (source) =>
    source.imports.flatMap((edge) => {
      if (edge.path !== null) return []
      const wrong = foreign(source.path, edge.specifier)
      return wrong === null ? [] : [at(source, edge.line, `imports ${edge.specifier}: ${wrong}`)]
    })
  )

/** The modules of Effect that hold data and need no runtime, the arithmetic of curves and ciphers, and the words of BIP-39; hashes are arguments. */
const pureEffect =
  /^@noble\/(curves|ciphers)\/|^@scure\/bip39|^effect\/(Array|BigDecimal|Brand|Chunk|Data|Duration|Equal|Equivalence|Function|Hash|HashMap|HashSet|Number|Option|Order|Predicate|Record|Redacted|Result|Schema|SchemaAST|SchemaGetter|SchemaIssue|SchemaParser|SchemaTransformation|String|Struct|Tuple|Types|encoding\/\w+)$/

const foreign = (from: string, specifier: string): string | null => {
  if (specifier === "effect" || specifier === "@effect/platform-node")
    return `import the module, ${specifier}/…, since a barrel makes every bundle several times as large`
  const { floor } = partsOf(from)
  if (floor === "schema")
    return pureEffect.test(specifier) ? null : "schema/ is pure data and machines; take what is needed as an argument"
  if (floor === "services" || floor === "testing")
    return specifier.startsWith("effect/") || (floor === "testing" && ["vitest", "@effect/vitest"].includes(specifier))
      ? null
      : `${floor}/ knows Effect alone; a platform belongs into layers/`
  if (floor === "layers" && !isPlatformLayer(from) && !isAssembly(from))
    return specifier.startsWith("effect/")
      ? null
      : "a layer that touches a platform or a library says which at the end of its name (StorageLevel, CryptoNode)"
  return null
}

const platformWords: ReadonlyArray<readonly [RegExp, string]> = [
  [/(?<![.\w$])Date\s*\.\s*now\b|(?<![.\w$])new\s+Date\s*\(\s*\)|(?<![.\w$])Date\(\s*\)/, "time comes from Clock"],
  [/(?<![.\w$])performance\s*\.\s*\w+/, "time comes from Clock"],
  [/(?<![.\w$])Math\s*\.\s*random\b/, "randomness comes from Random or Crypto"],
  [/(?<![.\w$])crypto\s*\.\s*(?:subtle|getRandomValues|randomUUID)\b/, "randomness and ciphers come from Crypto"],
  [
    /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|queueMicrotask|requestAnimationFrame|requestIdleCallback)\b/,
    "wait on Effect primitives, which a simulated clock drives"
  ],
  [/(?<![.\w$])fetch\s*\(/, "the network is behind Signaling and Transport"],
  [
    /(?<![.\w$])new\s+(?:WebSocket|XMLHttpRequest|BroadcastChannel|MessageChannel|Worker)\b/,
    "the network is behind Signaling and Transport"
  ],
  [
    /(?<![.\w$])(?:globalThis|window|document|navigator|localStorage|process|Buffer|require|__dirname)\s*[.([]/,
    "this exists on one platform alone"
  ]
]

/** No platform-free file touches a clock, randomness, a timer or a platform's globals: one seed is one run. */
export const platformFree: Rule = (sources) =>
  each(
    sources.filter((source) => isPlatformFree(source.path)),
    (source) =>
      platformWords.flatMap(([pattern, says]) =>
        linesOf(source.code, pattern).map((line) => at(source, line, `touches the platform: ${says}`))
      )
  )

/** Where the time of day is asked for: stamps of change sets and operations, what they are held against, and worlds, which have it themselves. */
const stamps = /^src\/(layers\/echo\/(OpenSpace|SpaceMembers)|layers\/halo\/OperationStore|layers\/simulation\/\w+)\.ts$/

/** Pauses, silence and deadlines are measured by a clock that only goes forward, since people set that of the wall. */
export const wallClock: Rule = (sources) =>
  each(
    sources.filter((source) => inSrc(source) && !stamps.test(source.path)),
    (source) =>
      linesOf(source.code, /\bcurrentTime(?:Millis|Nanos)/).map((line) =>
        at(source, line, "asks for the time of day: measure with elapsedMillis (services/platform/Elapsed.ts)")
      )
  )

export const isPlatformFree = (path: string): boolean => {
  const { floor } = partsOf(path)
  return (
    path.startsWith("src/") &&
    (floor === "schema" || floor === "services" || floor === "testing" || (floor === "layers" && !isPlatformLayer(path)))
  )
}

/** Every file opens by saying what it is for. */
export const moduleComment: Rule = (sources) =>
  each(sources, (source) => {
    const opening = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(source.text)
    const words = (opening?.[1] ?? "").replace(/[\s*]+/g, " ").trim()
    return words.split(" ").length >= 5 ? [] : [at(source, 1, "opens without saying what it is for: begin with /** … */")]
  })

export const linesMax = 400

/** A module that one can read in one sitting. */
export const length: Rule = (sources) =>
  each(sources, (source) => {
    const lines = source.text.replace(/\n$/, "").split("\n").length
    return lines <= linesMax ? [] : [`${source.path} has ${lines} lines, and ${linesMax} is the limit: part it by noun`]
  })

const junk = /^(utils?|utilities|helpers?|common|misc|managers?|types|shared|other|stuff|lib)$/i

/** Names say what a thing is: no junk drawers, in no part of a path. The last word decides: FeedTypes is one, TypeName is none. */
export const names: Rule = (sources) =>
  each(sources, (source) => {
    const parted = source.path.replace(/(\.test)?\.ts$/, "").split("/")
    const drawer = parted.map((name) => name.split(/(?=[A-Z])|[-_.]/).at(-1)!).find((word) => junk.test(word))
    return drawer === undefined ? [] : [`${source.path} is named "${drawer}", which says what it is not: name the noun`]
  })

/** What silences the compiler or the linter without a word. */
export const silenced: Rule = (sources) =>
  each(sources, (source) => [
    ...linesOf(source.code, /\bas\s+any\b|<any>|:\s*any\b/).map((line) =>
      at(source, line, "says any: name the type, or take unknown")
    ),
    ...linesOf(source.comments, /^\s*(?:\/\/|\/?\*+)\s*@ts-(?:ignore|nocheck|expect-error)/m).map((line) =>
      at(source, line, "silences the compiler")
    ),
    ...linesOf(source.comments, /\b(?:TODO|FIXME|XXX)\b/).map((line) =>
      at(source, line, "leaves a note to do it later: do it, or write it into docs/gaps.md")
    )
  ])

/** Casts that the compiler cannot follow. They are counted, so that their number is seen to grow. */
export const casts: Rule = (sources) =>
  each(sources.filter(inSrc), (source) =>
    linesOf(source.code, /\bas\s+(?:never|unknown\s+as)\b/).map((line) => at(source, line, "casts past the compiler"))
  )

/** A test that is left out, or that leaves out the others. Skipping for a reason that is looked up (skipIf, runIf) is none. */
export const leftOut: Rule = (sources) =>
  each(
    sources.filter((source) => source.path.startsWith("test/") || source.path.startsWith("src/testing/")),
    (source) =>
      linesOf(
        source.code,
        /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:only|skip|todo)\b|\b(?:xit|fit|xdescribe|fdescribe)\s*\(/
      ).map((line) => at(source, line, "leaves tests out"))
  )

/** The same rooms on each floor, and the same noun in each room. */
export const nouns: Rule = (sources) => {
  const known = new Map<string, Array<string>>()
  for (const { floor, noun, room } of sources.filter(inSrc).map((source) => partsOf(source.path)))
    if (floor === "schema" || floor === "services" || (floor === "layers" && room === "peer"))
      known.set(room, [...(known.get(room) ?? []), noun])
  return each(sources, (source) => {
    const { floor, noun, room } = partsOf(source.path)
    if (
      !["schema", "services", "layers"].includes(floor) &&
      !(floor === "test" && rooms.includes(room) && source.path.endsWith(".test.ts"))
    )
      return []
    if (!rooms.includes(room)) return [`${source.path} stands in no room: put it into one of ${rooms.join(", ")}`]
    if (!/^[A-Z][A-Za-z0-9]*$/.test(noun)) return [`${source.path} is no noun: write it as Noun.ts`]
    const isNew = floor === "schema" || floor === "services" || isAssembly(source.path)
    return isNew || [...(known.get(room) ?? []), ...assemblies].some((name) => noun.includes(name))
      ? []
      : [
          `${source.path} has a noun that neither schema/${room}/ nor services/${room}/ knows: use theirs, so that typing the noun finds it`
        ]
  })
}
const assemblies = ["Peer", "World", "Kube"]

/** Every layer is reached by a test or an example, through the entry points and assemblies that they import. */
export const tested: Rule = (sources) => {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const seen = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    for (const edge of byPath.get(path)?.imports ?? []) visit(edge.path ?? entryOf(edge.specifier))
  }
  for (const source of sources) if (/^(test|examples)\//.test(source.path)) visit(source.path)
  return sources
    .filter((source) => partsOf(source.path).floor === "layers" && !seen.has(source.path))
    .map(
      (source) =>
        `${source.path} is reached by no test: write test/${partsOf(source.path).room}/${partsOf(source.path).noun}.test.ts`
    )
}

/** Where the package's own name leads (package.json, "exports"). */
const entryOf = (specifier: string): string =>
  specifier === "troupe/testing"
    ? "src/testing/index.ts"
    : specifier === "troupe"
      ? "src/index.ts"
      : specifier.replace(/^troupe\/(\w+)$/, "src/$1.ts")
