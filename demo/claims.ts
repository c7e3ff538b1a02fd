/**
 * What a run of the demo answers, and what must be true of it: every claim is looked at, and each that fails is said in a sentence.
 */
import type { Audited, Modelled, Silence, State } from "./calls.ts"

/** The last line with --json. */
export interface Result {
  /** Both peers have the same frontier and the same state. */
  readonly converged: boolean
  readonly peers: ReadonlyArray<{
    readonly name: string
    readonly objects: number
    readonly frontier: string
    readonly stateHash: string
  }>
  /** Cities and visits on each side. */
  readonly objects: number
  /** Change sets in all feeds. */
  readonly changes: number
  /** Registers with more than one head after healing. */
  readonly conflicts: number
  /** Objects that Bob held durably when he was killed. */
  readonly killedAt: number
  readonly pids: { readonly alice: ReadonlyArray<number>; readonly bob: ReadonlyArray<number> }
  readonly cutEdits: { readonly alice: number; readonly bob: number }
  /** Change sets that are in a feed although their process did not live to write the receipt. */
  readonly inFlight: number
  /** For how long the proxy was silent before it reset. */
  readonly partitionSeconds: number
  /** What the proxy carried: all of Bob's link to the KUBE, both directions, everything above TCP. */
  readonly bytesOnWire: number
  readonly seconds: number
  readonly model: string
  readonly audit: string
  /** In a world, the SHA-256 of the events that `--trace` writes. */
  readonly trace?: string
}

/** Everything that was observed. */
export interface Evidence {
  readonly limit: number
  readonly result: Result
  readonly states: { readonly alice: State; readonly bob: State }
  readonly audits: { readonly alice: Audited; readonly bob: Audited }
  readonly model: Modelled
  /** What Bob held when he was open again and before anything new had come. */
  readonly reopenedWith: number
  /** What the proxy did in the cut. */
  readonly silence: Silence
  /** Of how many rows of the cut each peer had a remark of the other's at its end, before the reset. */
  readonly foreignRemarks: { readonly alice: number; readonly bob: number }
  /** Whether it took place in a world, where lives have numbers in place of processes. */
  readonly isSimulated?: boolean
}

type Claim = readonly [holds: boolean, otherwise: string]

export const cutEditsMin = 100
export const partitionSecondsMin = 10

/** That there was a cut: a link that only seems to be silent lets edits through, and then nothing of the rest is proven. */
const ofCut = ({ foreignRemarks, model, result, silence }: Evidence): ReadonlyArray<Claim> => [
  [
    Math.min(result.cutEdits.alice, result.cutEdits.bob) >= cutEditsMin,
    `fewer than ${cutEditsMin} edits while cut: ${JSON.stringify(result.cutEdits)}`
  ],
  [result.partitionSeconds >= partitionSecondsMin, `the cut took ${result.partitionSeconds} s, less than ${partitionSecondsMin}`],
  [silence.bytes === 0, `the proxy carried ${silence.bytes} bytes while it was to be silent`],
  [
    foreignRemarks.alice === 0 && foreignRemarks.bob === 0,
    `at the end of the cut a peer held remarks that the other wrote in it: ${JSON.stringify(foreignRemarks)}`
  ],
  [
    model.remarks >= cutEditsMin,
    `${model.remarks} remarks have two heads, fewer than the ${cutEditsMin} that both wrote while cut`
  ]
]

const ofRun = ({ isSimulated = false, limit, reopenedWith, result, states }: Evidence): ReadonlyArray<Claim> => {
  const { conflicts, killedAt, objects, pids } = result
  const { alice, bob } = states
  return [
    [alice.frontier === bob.frontier, `the frontiers differ: alice ${alice.frontier}, bob ${bob.frontier}`],
    [
      [alice, bob].every(({ people }) => /^alice\S* owner, bob\S* editor$/.test(people.join(", "))),
      `they do not agree who is in: alice says ${alice.people.join(", ")}; bob says ${bob.people.join(", ")}`
    ],
    [alice.stateHash === bob.stateHash, `the states differ: alice ${alice.stateHash}, bob ${bob.stateHash}`],
    [alice.cities === limit && bob.cities === limit, `of ${limit} cities alice has ${alice.cities} and bob ${bob.cities}`],
    [alice.visits === bob.visits, `alice has ${alice.visits} visits and bob ${bob.visits}`],
    [0 < killedAt && killedAt < objects, `bob was not killed in the middle: he held ${killedAt} of ${objects} objects`],
    [reopenedWith >= killedAt, `bob held ${killedAt} objects at the kill and came back with ${reopenedWith}`],
    [
      isSimulated ? new Set(pids.bob).size === 2 : new Set([...pids.alice, ...pids.bob]).size === 3,
      `alice and bob were not three processes: ${JSON.stringify(pids)}`
    ],
    [conflicts >= cutEditsMin, `${conflicts} registers conflict, fewer than the ${cutEditsMin} that both wrote while cut`],
    [alice.conflicts === bob.conflicts, `alice counts ${alice.conflicts} conflicts and bob ${bob.conflicts}`]
  ]
}

const ofEvidence = ({ audits, limit, model, result, states }: Evidence): ReadonlyArray<Claim> => {
  const { alice } = states
  const both = [
    ["alice", audits.alice],
    ["bob", audits.bob]
  ] as const
  return [
    [model.stateHash === alice.stateHash, `the naive model comes to another state: ${model.stateHash}`],
    [model.conflicts === alice.conflicts, `the naive model counts ${model.conflicts} conflicts, alice ${alice.conflicts}`],
    [
      (model.objects["City"] ?? 0) === limit && (model.objects["Visit"] ?? 0) === alice.visits,
      `the naive model has ${JSON.stringify(model.objects)} objects`
    ],
    [model.changes === result.changes, `the journals tell of ${model.changes} change sets, the feeds hold ${result.changes}`],
    ...model.problems.map((problem): Claim => [false, problem]),
    ...both.flatMap(
      ([name, audited]): ReadonlyArray<Claim> => [
        [audited.stateHash === alice.stateHash, `the audit of ${name}'s folder comes to another state: ${audited.stateHash}`],
        [audited.frontier === alice.frontier, `the audit of ${name}'s folder comes to another frontier: ${audited.frontier}`],
        ...audited.problems.map((problem): Claim => [false, `in ${name}'s folder: ${problem}`]),
        [audited.signatures > 0, `the audit of ${name}'s folder verified no signature`],
        [
          audited.missing.length === 0,
          `${audited.missing.length} receipts are borne out by no feed in ${name}'s folder, the first at ${audited.missing[0]}`
        ]
      ]
    )
  ]
}

/** What does not hold; empty when all does. */
export const failed = (evidence: Evidence): ReadonlyArray<string> =>
  [...ofRun(evidence), ...ofCut(evidence), ...ofEvidence(evidence)].filter(([holds]) => !holds).map(([, otherwise]) => otherwise)
