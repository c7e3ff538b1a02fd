/** A random history as bytes, which those have signed who are said to have. */
import * as Base64Url from "effect/encoding/Base64Url"
import type { Deed, Operation, Subject } from "../../src/schema/halo/Operation.ts"
import type { Payload } from "../../src/schema/halo/Payload.ts"
import { encode } from "../../src/schema/platform/Codec.ts"
import type { Graph } from "./Graphs.ts"
import { type Key, keyOf, type Made, made, manifestOf, named, Person } from "./People.ts"

const people = new Map<string, Person>()

export const personOf = (name: string): Person => {
  const known = people.get(name) ?? new Person(name)
  people.set(name, known)
  return known
}

export class EncodedHistory {
  readonly made = new Map<string, Made>()
  readonly space: Uint8Array
  /** Of texts of the bytes, the names that the history has for them. */
  readonly names = new Map<string, string>()
  private readonly graph: Graph

  /** Times differ, since two operations that say the same are one. */
  constructor(graph: Graph, timeOf: (at: number) => number = (at) => at) {
    this.graph = graph
    const [founding] = graph.operations
    this.space = new Uint8Array(32)
    for (const [at, each] of graph.operations.entries()) {
      const encoded = this.encode(each, timeOf(at))
      if (each === founding) this.space = encoded.id
      this.made.set(each.id, encoded)
      this.name(each.id, encoded.id)
    }
    for (const name of graph.identities) this.name(name, personOf(name).identity)
    for (const { key, kind } of graph.held) if (kind === "device") this.name(key, keyOf(key).publicKey)
  }

  private name(name: string, bytes: Uint8Array): void {
    this.names.set(Base64Url.encode(bytes), name)
  }

  readonly nameOf = (text: string): string => this.names.get(text) ?? text

  /** The text of an operation's id. */
  idOf(name: string): string {
    return Base64Url.encode(this.made.get(name)!.id)
  }

  get bytes(): ReadonlyArray<Uint8Array> {
    return [...this.made.values()].map(({ bytes }) => bytes)
  }

  private encode({ by, deed, parents, proof }: Operation, time: number): Made {
    const content = { space: this.space, parents: parents.map((parent) => this.id(parent)), time }
    return made({ ...content, proof: proof === null ? null : this.id(proof), payload: this.payload(deed, by, proof) }, signer(by))
  }

  private id(name: string): Uint8Array {
    return this.made.get(name)!.id
  }

  private voidFrom(name: string | null): Uint8Array | null {
    return name === null ? null : this.id(name)
  }

  private payload(deed: Deed, by: string, proof: string | null): Payload {
    switch (deed.type) {
      case "Genesis":
        return personOf(deed.subject.identity).founding(deed.subject.device, deed.isLocked)
      case "Admit":
        return person(deed).admission(this.space, deed.subject.device, deed.role)
      case "Redeem": {
        const hosting = { invite: this.id(proof!), host: deed.host, hostProof: this.id(deed.hostProof) }
        return person(deed).redemption(this.space, deed.subject.device, deed.role, hosting)
      }
      case "AddDevice": {
        const held = this.graph.held.find((each) => each.key === by && each.proof === proof)!
        return personOf(held.identity).addDevice(deed.device)
      }
      case "RemoveDevice": {
        const [identity, device] = [personOf(deed.identity).identity, keyOf(deed.device).publicKey]
        return { type: deed.type, identity, device, reason: 0, frontier: [], voidFrom: this.voidFrom(deed.voidFrom) }
      }
      case "Cap": {
        const { identity, maxRole, type, voidFrom } = deed
        return { type, identity: personOf(identity).identity, maxRole, frontier: [], voidFrom: this.voidFrom(voidFrom) }
      }
      case "AdmitFeed":
        return { type: deed.type, manifest: manifestOf(this.space, deed.device, deed.feed) }
      case "RevokeInvite":
        return { type: deed.type, invite: this.id(deed.invite) }
      case "Invite": {
        const { hosts, key, role, type } = deed
        return { type, key: keyOf(key).publicKey, role, maxUses: 1, expiresAt: 0, hosts, secret: named(key).slice(0, 16) }
      }
      case "KeyRotate":
        return { type: deed.type, content: encode([]) }
      case "SetPolicy":
      case "Leave":
        return deed
      default:
        throw new Error(`histories have no ${deed.type}`)
    }
  }
}

const person = ({ subject }: { readonly subject: Subject }): Person => personOf(subject.identity)

/** The key of a name: `RA` is the recovery key of `A`. */
const signer = (name: string): Key => (name.startsWith("R") ? personOf(name.slice(1)).recovery : keyOf(name))
