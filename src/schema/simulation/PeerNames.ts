/**
 * What peers of a world may be called, and how many there may be.
 *
 * Names stand in the lines of a trace, in plans and in the names of wires, so they are words without the signs that part things there. Two
 * are the world's own: the KUBE, and the node that the body has. A clone is called as its peer with `~` behind it, and so is no peer.
 */

/** The nodes of a world that are no peers. */
const own: ReadonlyArray<string> = ["kube", "world"]
export const peersMax = 100
const charsMax = 40

const word = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.-]*$/u

/** What keeps a name from being a peer's, or a clone's; null when nothing does. */
export const unfitName = (name: string, isClone = false): string | null => {
  const shown = JSON.stringify(name)
  if (own.includes(name)) return `${shown} is a node that each world has already: call the peer otherwise`
  const bare = isClone ? name.replace(/~+$/, "") : name
  if (word.test(bare) && name.length <= charsMax) return null
  return `${shown} is no name of a peer: take letters, digits, "_", "-" and ".", ${charsMax} at most, and begin with a letter, a digit or "_"`
}

/** What keeps names from being those of the peers of one world; null when nothing does. */
export const unfitNames = (names: ReadonlyArray<string>): string | null => {
  if (names.length > peersMax) return `${names.length} peers are too many: a world has ${peersMax} at most`
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) return `two peers are called ${JSON.stringify(twice)}: give each a name of its own`
  return names.map((name) => unfitName(name)).find((why) => why !== null) ?? null
}

/** What keeps a number from being that of the peers of a test; null when nothing does. */
export const unfitCount = (count: number): string | null =>
  Number.isInteger(count) && count >= 1 && count <= peersMax
    ? null
    : `${count} is no number of peers: say a whole one from 1 to ${peersMax}`
