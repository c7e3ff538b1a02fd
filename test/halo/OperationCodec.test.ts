/** Control operations as bytes: what is written is read back, and every other spelling is refused or means something else. */
import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { leafHash } from "../../src/schema/echo/Merkle.ts"
import { encodeCertificate } from "../../src/schema/halo/Certificate.ts"
import { Membership } from "../../src/schema/halo/Membership.ts"
import { decodeOperation, encodeOperation, type OperationContent } from "../../src/schema/halo/OperationCodec.ts"
import { encodeSigned } from "../../src/schema/halo/OperationFrame.ts"
import { type Payload, removalReasons, type SeenFeed } from "../../src/schema/halo/Payload.ts"
import { encode, Writer } from "../../src/schema/platform/Codec.ts"
import { Random } from "../fuzz/random.ts"
import {
  deviceKeys,
  forkProofOf,
  hash,
  holds,
  keyOf,
  type Made,
  made,
  madeByNewer,
  manifestOf,
  named,
  Person,
  read
} from "./People.ts"

const alice = new Person("Alice")
const bob = new Person("Bob")
const founder = keyOf("laptop")
const genesis = made(
  { space: named("ignored"), parents: [], proof: null, time: 1_000, payload: alice.founding("laptop") },
  founder
)
const space = genesis.id

const put = (payload: Payload, by = founder, more: Partial<OperationContent> = {}): Made =>
  made({ space, parents: [genesis.id], proof: genesis.id, time: 1_700_000_000_000, payload, ...more }, by)

const refusal = (bytes: Uint8Array, of: Uint8Array | null = space): string => {
  const result = decodeOperation(bytes, of, hash)
  return Result.isSuccess(result) ? "accepted" : result.failure.message
}

const seen = (name: string): SeenFeed => ({
  feed: keyOf(name).publicKey,
  length: 3,
  counter: 41,
  root16: named(name).slice(0, 16)
})
const byFeed = (a: SeenFeed, b: SeenFeed) => Buffer.compare(a.feed, b.feed)
const frontier = [seen("feed 1"), seen("feed 2")].sort(byFeed)

const invited = put({
  type: "Invite",
  key: keyOf("invitation").publicKey,
  role: 2,
  maxUses: 5,
  expiresAt: 1_800_000_000_000,
  hosts: "members",
  secret: named("secret").slice(0, 16)
})
const hosting = { invite: invited.id, host: "laptop", hostProof: genesis.id }

/** One operation of each type. */
const operations: { readonly [type: string]: Made } = {
  Genesis: genesis,
  Admit: put(bob.admission(space, "phone", 2)),
  AddDevice: put(alice.addDevice("tablet")),
  RemoveDevice: put({
    type: "RemoveDevice",
    identity: alice.identity,
    device: keyOf("tablet").publicKey,
    reason: removalReasons.stolen,
    frontier,
    voidFrom: named("theft")
  }),
  Cap: put({ type: "Cap", identity: bob.identity, maxRole: 0, frontier, voidFrom: null }),
  Leave: put({ type: "Leave" }),
  SetPolicy: put({ type: "SetPolicy", isLocked: true }),
  Invite: invited,
  RevokeInvite: put({ type: "RevokeInvite", invite: invited.id }),
  CloseInvite: put({ type: "CloseInvite", invite: invited.id }),
  Redeem: put(bob.redemption(space, "phone", 2, hosting), keyOf("invitation"), { parents: [invited.id], proof: invited.id }),
  AdmitFeed: put({ type: "AdmitFeed", manifest: manifestOf(space, "laptop", "feed 1") }),
  KeyRotate: put({ type: "KeyRotate", content: encode([named("key id"), [], []]) }),
  KeyWrap: put({ type: "KeyWrap", content: encode([named("key id"), []]) }),
  Endorse: put({ type: "Endorse", feeds: frontier }),
  ForkProof: put({ type: "ForkProof", proof: forkProofOf("feed 1") }),
  Unknown: put({ type: "Unknown", number: 16, content: encode(["of", "tomorrow", 1.5]) })
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** The ids of the operations above: the bytes have not changed while these stand. */
const golden: { readonly [type: string]: string } = {
  RemoveDevice: "3d1d73c078b450bf0b86668b91aa448ef866ba56b9400dd8044d159f4424541b",
  ForkProof: "f06bb8a6c69b19d77e0484edf6a7e2beea7b145577ffcc8fc368321fb8e9ef99",
  Endorse: "10b830836a10db3c4648022a5a1a58402bf130a7d3a7cea6f66cdcc5f3e1963e",
  Admit: "fa0223f533db6d92c5ef7df3a2c12649fe6b2c1414cd05cfe0f21b801f333a14",
  KeyWrap: "7ba66086c73130c07e628ad8c0435cb7896ada61a671647311fbf644135a3f70",
  Genesis: "8477b6db6a40e3aa0e06f4eefbad4310838eb402864cf5497f83bdbec521979b",
  KeyRotate: "39c2a78cf4ce665cdb6fb905c534ae3c17b687aca8cb1591625e2a0b4e8fd713",
  SetPolicy: "03d283aaf6e1edb81231ef54175a3fe5ebd2d5d8e48e2699a446f833256de5d2",
  RevokeInvite: "df5e3886a8e92b4bea82d1ce2c44c66a27826d71e8a9dd3b0a7a04384a7c8180",
  AdmitFeed: "656c804e4da7faa3a2af3a85d7f3cb44af73b7e9dbda387c95fb6e6a9d2c61ee",
  Cap: "82082397c3d8fe2e54eb5cd3a7e847441baf0f2e52b903e8dfbdac2d579409ef",
  AddDevice: "8182d8a0af011e448b0fe399ff42826c55fd868d371e6a7b13de46401c628f59",
  CloseInvite: "559910adbed7ac2317ea0b7c7619ca31ab4adcf65b27928d3e7ebdbb47c16bf2",
  Invite: "415ff3e94d592b4af435fd6011017c9d40b749b4e0c6b1b20528a557823b4530",
  Redeem: "84ba1ad5709dd181662b827655891fe32ae22792f05a9aa9b0d8a263e9aabe57",
  Leave: "eadb6f1135a991368628b7583ffba309d72f24c1056eb8c124d3d6d0607b009e",
  Unknown: "717c932828bfdab27e8471e1adf3633dd846f3701b062d7369a4562219c6ec56"
}

/** Its signer's, two for a link of a certificate, those that accept and host, of a manifest and of two heads. */
const signatureCounts: { readonly [type: string]: number } = {
  Genesis: 3,
  Admit: 4,
  AddDevice: 2,
  Redeem: 5,
  AdmitFeed: 3,
  ForkProof: 3
}

describe("OperationCodec", () => {
  for (const [type, { bytes, id, op }] of Object.entries(operations)) {
    it(`reads back what it wrote: ${type}`, () => {
      const decoded = read(bytes, space)
      assert.strictEqual(decoded.payload.type, type)
      assert.strictEqual(decoded.operation.deed.type, type)
      assert.deepStrictEqual([decoded.id, decoded.space, decoded.bytes], [id, space, bytes])
      assert.strictEqual(hex(encodeOperation(decoded)), hex(op))
      assert.strictEqual(hex(id), golden[type])
    })

    it(`holds with all its signatures, and none of them is spare: ${type}`, () => {
      const { acceptance, signatures } = read(bytes, space)
      const all = [...signatures, ...(acceptance === null ? [] : [acceptance(alice.identity)])]
      assert.isTrue(holds(all))
      assert.lengthOf(all, signatureCounts[type] ?? 1)
      for (const { signature } of all) assert.include(hex(bytes), hex(signature))
    })

    it(`refuses it cut short, and takes no changed bit for the same: ${type}`, () => {
      for (let length = 0; length < bytes.length; length++)
        assert.include(refusal(bytes.subarray(0, length)), "malformed", `${length} bytes`)
      const [first] = read(bytes, space).signatures
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = Uint8Array.from(bytes)
        changed[bit >>> 3]! ^= 1 << (bit & 7)
        const result = decodeOperation(changed, space, hash)
        if (Result.isFailure(result)) continue
        const [signed] = result.success.signatures
        const isOther = hex(signed!.message) !== hex(first!.message) || hex(signed!.signature) !== hex(first!.signature)
        assert.isTrue(isOther, `bit ${bit}`)
      }
    })
  }

  it("writes one spelling of whatever it reads, over random bytes in the place of payloads", () => {
    const random = new Random(7)
    let accepted = 0
    const all = Object.values(operations)
    for (let i = 0; i < 20_000; i++) {
      const { op } = random.pick(all)
      const changed = Uint8Array.from(op)
      for (let n = 1 + random.below(3); n > 0; n--) changed[random.below(changed.length)] = random.below(256)
      const result = decodeOperation(encodeSigned(changed, new Uint8Array(64)), space, hash)
      if (Result.isFailure(result)) continue
      accepted++
      const again = hex(encodeOperation(result.success))
      if (changed[1] === 1) assert.strictEqual(again, hex(changed))
      else assert.isTrue(hex(changed).endsWith(again.slice(4)), "more than the version is another")
    }
    assert.isAbove(accepted, 2_000)
  })

  it("keeps a copy of what it read", () => {
    const given = Buffer.from(operations["Admit"]!.bytes)
    const decoded = read(given, space)
    given.fill(0)
    assert.strictEqual(hex(decoded.bytes), hex(operations["Admit"]!.bytes))
    assert.strictEqual(hex(encodeOperation(decoded)), hex(operations["Admit"]!.op))
  })

  it("takes a Genesis for the space that it makes, and no second one", () => {
    assert.strictEqual(hex(read(genesis.bytes, null).space), hex(space))
    assert.include(refusal(genesis.bytes, named("another")), "the Genesis of another space")
    assert.include(refusal(operations["Leave"]!.bytes, null), "of another space")
    assert.include(refusal(operations["Leave"]!.bytes, named("another")), "of another space")
    const within = made({ space, parents: [], proof: null, time: 1, payload: alice.founding("laptop") }, keyOf("phone"))
    assert.include(refusal(within.bytes, null), "founder's device")
    const past = put(alice.founding("laptop"))
    assert.include(refusal(past.bytes, null), "with a past")
    const inside = Uint8Array.from(genesis.op)
    inside.set(space, 5)
    for (const of of [space, null])
      assert.include(refusal(encodeSigned(inside, new Uint8Array(64)), of), "a Genesis within a space")
    const redeem = put(bob.redemption(space, "phone", 2, hosting), keyOf("invitation"), { proof: null })
    assert.include(refusal(redeem.bytes), "a Redeem that names no invitation")
  })

  it("reads of another version what all have in common, and nothing of another suite or of what founds a space", () => {
    const changed = ({ op }: Made, at: number, to: number) => {
      const other = Uint8Array.from(op)
      other[at] = to
      return encodeSigned(other, new Uint8Array(64))
    }
    const { by, newer, parents, payload } = read(changed(operations["Leave"]!, 1, 2), space)
    assert.deepStrictEqual([by, parents], [keyOf("laptop").publicKey, read(operations["Leave"]!.bytes, space).parents])
    assert.deepStrictEqual([newer, payload.type], ["operation version 2", "Unknown"])
    assert.match(refusal(changed(operations["Leave"]!, 2, 2)), /^operation suite 2/)
    assert.match(refusal(changed(genesis, 1, 2), null), /^operation version 2/)
  })

  it("takes as many items of another version as it says, each in its one spelling", () => {
    const around = { space, parents: [genesis.id], proof: genesis.id, time: 1, payload: { type: "Leave" } } as const
    const { op } = madeByNewer(around, keyOf("laptop"))
    const refusedWith = (...bytes: ReadonlyArray<number>) => refusal(encodeSigned(Uint8Array.from(bytes), new Uint8Array(64)))
    assert.strictEqual(refusedWith(...op), "accepted")
    assert.include(refusedWith(0x89, ...op.subarray(1)), "malformed")
    assert.include(refusedWith(0x8b, ...op.subarray(1)), "malformed")
    assert.include(refusedWith(0x88, ...op.subarray(1)), "nine items")
    // 0 in two bytes
    assert.include(refusedWith(0x8b, ...op.subarray(1), 0x18, 0), "malformed")
  })

  it("keeps an operation of a type that it does not know, which grants nothing and has children", () => {
    const unknown = operations["Unknown"]!
    const child = put({ type: "SetPolicy", isLocked: true }, founder, { parents: [unknown.id] })
    const membership = new Membership()
    membership.add([genesis, unknown, child].map(({ bytes }) => read(bytes, space).operation))
    const ids = [unknown, child].map(({ id }) => Buffer.from(id).toString("base64url"))
    assert.deepStrictEqual(
      ids.map((id) => membership.standing(id)),
      ["valid", "valid"]
    )
  })

  it("refuses numbers and lists beyond what a type may say", () => {
    const feeds = (list: ReadonlyArray<SeenFeed>) => {
      const to = new Writer().array(list.length)
      for (const { counter, feed, length, root16 } of list) to.array(4).bytes(feed).int(length).int(counter).bytes(root16)
      return to.finish()
    }
    const endorse = (content: Uint8Array) => refusal(put({ type: "Unknown", number: 14, content }).bytes)
    assert.strictEqual(endorse(feeds(frontier)), "accepted")
    assert.include(endorse(feeds([...frontier].reverse())), "not sorted")
    assert.include(endorse(feeds([frontier[0]!, frontier[0]!])), "not sorted")
    assert.include(endorse(feeds([{ ...frontier[0]!, length: 0 }])), "below 1")
    const admit = (role: number) => refusal(put({ ...bob.admission(space, "phone", 2), role: role as 1 }).bytes)
    assert.deepStrictEqual([1, 4].map(admit), ["accepted", "accepted"])
    for (const role of [0, 5]) assert.include(admit(role), "malformed")
    assert.include(
      refusal(put({ type: "Cap", identity: bob.identity, maxRole: 4 as 3, frontier: [], voidFrom: null }).bytes),
      "4"
    )
    assert.include(refusal(put({ type: "Unknown", number: 6, content: encode([2]) }).bytes), "2 exceeds 1")
  })

  it("refuses parents that are not sorted, repeated or too many", () => {
    const parents = Array.from({ length: 33 }, (_, i) => named(`parent ${i}`))
    assert.strictEqual(refusal(put({ type: "Leave" }, founder, { parents: parents.slice(0, 32) }).bytes), "accepted")
    assert.throws(() => put({ type: "Leave" }, founder, { parents }), /at most 32 parents/)
    assert.include(refusal(put({ type: "Leave" }, founder, { parents: [parents[0]!, parents[0]!] }).bytes), "not sorted")
  })

  it("bounds operations at 16 KiB, and those with keys for everybody at 256", () => {
    const [small, large] = [16_384, 262_144]
    const sized = (type: "KeyRotate" | "Endorse", bytes: number) => {
      const content = encode([new Uint8Array(bytes)])
      return type === "Endorse" ? { type: "Unknown" as const, number: 20, content } : { type, content }
    }
    const around = put(sized("KeyRotate", 100_000)).op.length - 100_000
    assert.strictEqual(put(sized("KeyRotate", large - around)).op.length, large)
    assert.strictEqual(refusal(put(sized("KeyRotate", large - around)).bytes), "accepted")
    assert.throws(() => put(sized("KeyRotate", large - around + 1)), /exceeds 262144/)
    const many = Array.from({ length: 300 }, (_, i) => ({ ...seen("x"), feed: named(`${i}`) }))
    assert.throws(() => put({ type: "Endorse", feeds: many }), /exceeds 16384/)
    assert.isBelow(put({ type: "Endorse", feeds: many.slice(0, 270) }).op.length, small)
    const forged = put({ type: "KeyRotate", content: encode([new Uint8Array(small)]) }).op
    const at = forged.findIndex((byte, i) => byte === 12 && i === 37)
    forged[at] = 5
    assert.include(refusal(encodeSigned(forged, new Uint8Array(64))), "too large")
  })

  it("admits only feeds of its signer in its space, and only proofs that prove", () => {
    const admit = (manifest: Uint8Array) => refusal(put({ type: "AdmitFeed", manifest }).bytes)
    assert.include(admit(manifestOf(named("another"), "laptop", "feed 1")), "a manifest of another space")
    assert.include(admit(manifestOf(space, "phone", "feed 1")), "a feed of another device")
    const proof = forkProofOf("feed 1")
    const [one] = [Buffer.from(leafHash(named("left"), hash)), Buffer.from(leafHash(named("right"), hash))]
    const changed = Buffer.from(proof)
    changed[changed.indexOf(one)]! ^= 1
    assert.include(refusal(put({ type: "ForkProof", proof: changed }).bytes), "proves nothing")
  })
})

describe("Certificate", () => {
  const admit = (devices: ReadonlyArray<string>) =>
    put({ ...bob.admission(space, devices.at(-1)!, 2), certificate: bob.certificate(...devices) })
  const chained = ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
  /** Another certificate for the same device. */
  const refusedWith = (links: ReadonlyArray<Made>, genesis = bob.genesis, device = "phone") => {
    const certificate = { ...bob.certificate("phone"), genesis, links: links.map(({ bytes }) => bytes) }
    return refusal(put({ ...bob.admission(space, device, 2), ...deviceKeys(device), certificate }).bytes)
  }

  it("has a link for each device, up to eight", () => {
    const { payload, signatures } = read(admit(chained.slice(0, 8)).bytes, space)
    assert.isTrue(payload.type === "Admit" && payload.certificate.links.length === 8)
    assert.isTrue(holds(signatures))
    assert.lengthOf(signatures, 18)
    assert.include(refusal(admit(["a", "phone"]).bytes), "accepted")
    assert.throws(() => bob.certificate(...chained), /exceeds 8/)
    assert.include(refusedWith([]), "without a device")
  })

  it("refuses an admin's own device as one of a known identity", () => {
    // the admin's identity, and links that his own recovery key has signed
    const mallory = new Person("Mallory")
    assert.include(refusedWith([mallory.link("phone")]), "of another identity")
    // links that say the identity, and that her key has not signed
    const forged = made(
      { space: bob.identity, parents: [], proof: null, time: 0, payload: bob.addDevice("phone") },
      mallory.recovery
    )
    assert.include(refusedWith([forged]), "has not signed")
    // links that say whose key should have signed them: the form is right, and a signature does not hold
    const { op } = bob.link("phone")
    const lying = put({
      ...bob.admission(space, "phone", 2),
      certificate: { ...bob.certificate("phone"), links: [encodeSigned(op, mallory.recovery.sign(op))] }
    })
    assert.isFalse(holds(read(lying.bytes, space).signatures))
  })

  it("refuses another identity genesis, another last device, and links in another order", () => {
    const mallory = new Person("Mallory")
    const first = bob.link("a")
    const second = bob.link("phone", { device: "a", made: first })
    assert.strictEqual(refusedWith([first, second]), "accepted")
    assert.include(refusedWith([first, second], mallory.genesis), "of another identity")
    assert.include(refusedWith([first]), "a certificate of another device")
    assert.include(refusedWith([second, first]), "has not signed")
    assert.include(refusedWith([second]), "has not signed")
    assert.include(refusedWith([first, first]), "has not signed")
    assert.include(refusedWith([first, { ...second, bytes: Uint8Array.of(...second.bytes, 0) }]), "trailing bytes")
  })

  it("refuses a link that names another operation as its proof, and one that adds no device", () => {
    const first = bob.link("a")
    const other = { ...first, id: named("another") }
    assert.include(refusedWith([first, bob.link("phone", { device: "a", made: other })]), "does not follow")
    const leaving = made({ space: bob.identity, parents: [], proof: null, time: 0, payload: { type: "Leave" } }, bob.recovery)
    assert.include(refusedWith([leaving]), "another operation than AddDevice")
    const content = { space: bob.identity, proof: null, time: 0, payload: bob.addDevice("phone") }
    assert.include(refusedWith([made({ ...content, parents: [named("x")] }, bob.recovery)]), "does not follow")
  })

  it("is written as it was read", () => {
    const certificate = bob.certificate("a", "b")
    assert.deepStrictEqual(read(admit(["a", "b"]).bytes, space).payload, {
      ...bob.admission(space, "b", 2),
      certificate
    } as Payload)
    assert.strictEqual(hex(encodeCertificate(certificate)), hex(encodeCertificate(bob.certificate("a", "b"))))
  })
})
