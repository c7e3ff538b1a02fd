/**
 * Bugs planted in who may do what: in what operations grant and take away, in how they are kept and told, and in what counts of feeds.
 */
import type { Mutant } from "./Mutant.ts"

const scenario = "membership"

export const membership: ReadonlyArray<Mutant> = [
  {
    name: "rank is depth alone",
    kind: "a right that nobody gave",
    says: "Who stands fewer admissions away from the founder may take a right away, whatever the roles of both.",
    seen: "An admin whom an owner let in takes the role of another admin whom an admin let in: the rules say that both stay.",
    file: "src/schema/halo/Grants.ts",
    edits: [
      {
        from: "  right.role > role || (right.role === roles.owner && role === roles.owner && right.depth < depth)",
        to: "  right.depth < depth"
      }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "proof is anybody's",
    kind: "a right that nobody gave",
    says: "The operation that a signer cites as his right has to grant one to some device, and not to him.",
    seen: "A liar cites what let another in: his operation counts with the role of the other, and the rules say that it does not.",
    file: "src/schema/halo/Grants.ts",
    edits: [
      { from: "find((each) => each.key === key)\n  return grant", to: `find(({ kind }) => kind === "device")\n  return grant` }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "locked spaces let in",
    kind: "a right that nobody gave",
    says: "An admission counts although the policy in its past lets nobody in.",
    seen: "Somebody is let in who has seen that the space is locked: members show him, and the rules do not.",
    file: "src/schema/halo/Grants.ts",
    edits: [
      {
        from: "deed.role < grant.role || grant.role === roles.owner) && !known.isLocked(op)",
        to: "deed.role < grant.role || grant.role === roles.owner)"
      }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "operations unverified",
    kind: "skip one verification",
    says: "What comes counts whether its signatures hold or not.",
    seen: "A liar sends an operation in the name of another: it is kept, and its signer has not signed it.",
    file: "src/layers/halo/OperationStore.ts",
    edits: [{ from: "if (holds.slice(at, end).every(Boolean)) holding", to: "if (holds.length > 0) holding" }],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "remembered before verified",
    kind: "use of what is stale",
    says: "The id of an operation that came is remembered before its signatures are looked at, and is not looked at again.",
    seen: "A liar sends another's operation with a signature that does not hold, before it has come from somebody else: it never counts there.",
    file: "src/layers/halo/OperationStore.ts",
    edits: [
      {
        from: "  private readonly turn = Semaphore.makeUnsafe(1)\n",
        to: "  private readonly turn = Semaphore.makeUnsafe(1)\n  private readonly seen = new Set<string>()\n"
      },
      {
        from: "      } else if (!this.held.has(decoded.success.operation.id)) {\n",
        to: "      } else if (!this.seen.has(decoded.success.operation.id)) {\n        this.seen.add(decoded.success.operation.id)\n"
      }
    ],
    scenario,
    unitTests: ["test/halo/OperationStore.test.ts"]
  },
  {
    name: "removed for good",
    kind: "a right kept or taken too long",
    says: "A revocation takes away what is granted after it, too.",
    seen: "Somebody is let in again by who has seen his removal: he stays out, and the rules say that he is in.",
    file: "src/schema/halo/Revoking.ts",
    edits: [
      {
        from: "if (grant.op === revocation || this.ancestry.isBefore(revocation, grant.op)) return false",
        to: "if (grant.op === revocation) return false"
      }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "compromise ignored",
    kind: "a right kept or taken too long",
    says: "What somebody did from a point on which a revocation names as the beginning of a theft counts as far as it was seen.",
    seen: "An admin lets somebody in, and is removed with a time before that by who has seen it: the guest stays in, and the rules put him out.",
    file: "src/schema/halo/Revoking.ts",
    edits: [
      {
        from: "    return from !== undefined && (from === op || this.ancestry.isBefore(from, op))",
        to: "    return from === undefined && op < 0"
      }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "feeds of the disgraced count",
    kind: "a right kept or taken too long",
    says: "A feed counts although the operation that admits it does not stand.",
    seen: "Somebody is let in by who was removed at the same time, and writes: members show what he wrote, and by the rules it is withheld.",
    file: "src/schema/halo/Membership.ts",
    edits: [
      {
        from: "const stands = this.valid[op]!\n      if (right === null",
        to: 'const stands = this.valid[op]! || deed.type === "AdmitFeed"\n      if (right === null'
      }
    ],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "least trusted remover decides",
    kind: "a right kept or taken too long",
    says: "Of several who removed somebody, the one who had seen least of a feed says how much of it counts.",
    seen: "Two remove the same person at the same time, and one had not seen his last writes: they are gone at everybody.",
    file: "src/schema/halo/AcceptedPrefix.ts",
    edits: [{ from: "  return Math.max(...revocations.map(allowed))", to: "  return Math.min(...revocations.map(allowed))" }],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "anybody endorses",
    kind: "a right that nobody gave",
    says: "An endorsement lifts a feed whoever has signed it, and not only who stands as high as those who removed its writer.",
    seen: "An admin endorses what an owner has cut off: members show it, and by the rules it is withheld.",
    file: "src/schema/halo/AcceptedPrefix.ts",
    edits: [{ from: `deed.type === "Endorse" && rank >= needed ?`, to: `deed.type === "Endorse" && rank + needed > 0 ?` }],
    scenario,
    unitTests: ["test/halo/Membership.test.ts"]
  },
  {
    name: "role of the first look",
    kind: "use of what is stale",
    says: "How much of a feed counts is remembered when it is asked for the first time.",
    seen: "Somebody who has written is removed: what others had not seen goes on counting at who had looked before.",
    file: "src/layers/echo/SpaceAccess.ts",
    edits: [
      {
        from: "  const accepted = ({ text }: { readonly text: string }) => acceptedPrefix(operations.membership, text, noBounds)\n",
        to: `  const known = new Map<string, Accepted>()
  const accepted = ({ text }: { readonly text: string }) => {
    known.set(text, known.get(text) ?? acceptedPrefix(operations.membership, text, noBounds))
    return known.get(text)!
  }
`
      }
    ],
    scenario,
    unitTests: ["test/echo/SpaceMembers.test.ts"]
  },
  {
    name: "readers write",
    kind: "a right that nobody gave",
    says: "A device whose person may only read takes changes of objects.",
    seen: "A reader makes a task, and is told that it is written.",
    file: "src/layers/echo/SpaceAccess.ts",
    edits: [{ from: `return role === roles.reader ? { why: "reader", role } : null`, to: "return null" }],
    scenario,
    unitTests: ["test/echo/SpaceStatus.test.ts"]
  },
  {
    name: "one feed for every role",
    kind: "use of what is stale",
    says: "A device whose role has changed goes on in the feed that its earlier role had admitted.",
    seen: "A reader is let in anew as an editor and writes: nobody shows it but himself.",
    file: "src/layers/echo/SpaceAccess.ts",
    edits: [
      {
        from: "return role !== own.role || counter !== Number.POSITIVE_INFINITY",
        to: "return role === 0 && counter !== Number.POSITIVE_INFINITY"
      }
    ],
    scenario,
    unitTests: ["test/echo/SpaceMembers.test.ts"]
  },
  {
    name: "removal without a frontier",
    kind: "told less than there is",
    says: "Who removes somebody does not say how far he has seen the feeds of that person.",
    seen: "Somebody is removed whose tasks were shown to who removed him: none of them counts any more.",
    file: "src/layers/echo/SpaceMembers.ts",
    edits: [
      {
        from: "= yield* frontierOf(life, new Set(devices), since ?? null)",
        to: "= yield* frontierOf(life, new Set(), since ?? null)"
      }
    ],
    scenario,
    unitTests: ["test/echo/SpaceStatus.test.ts"]
  },
  {
    name: "placeholders outlast",
    kind: "use of what is stale",
    says: "What is written after a value that is withheld takes the place of what is shown there, and not of the placeholder.",
    seen: "Somebody writes where he had seen what is withheld later: the state has a placeholder more than the fold.",
    file: "src/schema/echo/Registers.ts",
    edits: [{ from: "const none = (): boolean => false", to: "const none = ({ value }: Head): boolean => value === withheld" }],
    scenario,
    unitTests: ["test/echo/SpaceMembers.test.ts"]
  },
  {
    name: "removed stays connected",
    kind: "a right kept or taken too long",
    says: "A connection goes on when the other end is no member any more.",
    seen: "Somebody is removed while he is connected: he is not told, and members stay connected to him.",
    file: "src/schema/halo/ControlSync.ts",
    edits: [
      {
        from: `this.isParting ||= this.standing() !== "member" || this.ownStanding() !== "member"`,
        to: `this.isParting ||= this.ownStanding() === "stranger"`
      }
    ],
    scenario,
    unitTests: ["test/echo/SpaceStatus.test.ts"]
  }
]
