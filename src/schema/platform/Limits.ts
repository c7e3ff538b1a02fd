/**
 * Every bound that the formats and the protocols know, in one place.
 *
 * Each name carries its unit. Bounds marked F belong to the format: what breaks one is nonsense on every replica.
 * Bounds marked W refuse the writer, never a merge; bounds marked P delay a peer, visibly. (docs/format.md#limits)
 */

/** F: nesting of anything encoded. */
export const depthMax = 16
/** F: the plain content of one block. */
export const blockBytesMax = 262_144
/** W: a change set leaves room for the fullest table that a block can have. */
export const changeSetBytesMax = blockBytesMax - 36_864
/** F: feeds that one block may cite. */
export const blockFeedsMax = 1_024
/** F: change sets in one block. */
export const blockChangeSetsMax = 4_096
/** F: dependencies of one change set. */
export const changeSetDepsMax = 1_024
/** F: mutations in one change set. */
export const changeSetMutationsMax = 10_000
/** F: control heads that one block may cite (none in version 0). */
export const blockControlHeadsMax = 32
/** F: one encoded value; what is larger becomes a blob. */
export const valueBytesMax = 65_536
/** F: one key of a path, and the name of a type. */
export const keyBytesMax = 256
/** F: keys of one path. */
export const pathKeysMax = 16
/** F: a position among siblings. */
export const positionBytesMax = 64
/** W: feeds that one device makes in a space. */
export const deviceFeedsMax = 1_000
/** P: feeds without an admitted manifest that a peer may name; of what it names beyond them nothing is kept. */
export const strangeFeedsMax = 10_000
/** W: member devices named by a genesis. */
export const membersMax = 1_000
/** F: one message of a channel; one run fits. */
export const messageBytesMax = 1_310_720
/** The blocks of one run on the wire. */
export const runBytesMax = 1_048_576
/** A feed's turn while several are behind. */
export const turnBytesMax = 262_144
/** F: blocks in one run. */
export const runBlocksMax = 4_096
/** A peer's Data that it has not acknowledged. */
export const windowBytesMax = 2_097_152
/** F: feeds listed by one range message; the ranges that one splits into. */
export const rangeItemsMax = 32
export const rangeWays = 16
/** F: feeds named by one message. */
export const messageFeedsMax = 4_096
/** F: control operations named by one message, and the bytes of those that one message carries. */
export const messageOperationsMax = 4_096
export const messageOperationBytesMax = 1_048_576
/** P: what is taken in from a peer before it is known to be a member: operations, their bytes, and how long that may take. */
export const entranceOperationsMax = 10_000
export const entranceBytesMax = 4_194_304
export const entranceMillisMax = 30_000
export const entranceSilenceMillisMax = 10_000
/** P: what is taken from who is a member no more: bytes at once and a minute; of all what a space holds, in bytes; of each, in operations. */
export const lateBytesMax = 4_194_304
export const quarantineBytesMax = 268_435_456
export const quarantineOperationsMax = 1_000
/** P: operations of one device that are passed on at once, and how many a minute after that; refused ones that a peer may send a minute. */
export const forwardedOperationsMax = 1_000
export const forwardedOperationsPerMinuteMax = 60
export const refusedOperationsPerMinuteMax = 100
/** F: a proof that a feed forked, and the nodes of a proof. */
export const forkProofBytesMax = 16_384
export const proofNodesMax = 64
/** F: a feed's manifest. */
export const manifestBytesMax = 1_024
/** F: one control operation without its signature; one that holds keys for everybody; its parents; links of a certificate. */
export const operationBytesMax = 16_384
export const keyOperationBytesMax = 262_144
export const operationParentsMax = 32
export const certificateLinksMax = 8
/** F: an offer or an acceptance as bytes; the operations in a welcome. */
export const admissionBytesMax = 32_768
export const welcomeBytesMax = 4_194_304
/** Acceptances of identities' offers that wait for their welcomes; there is no telling whether one will ever come. */
export const acceptancesMax = 16
/** F: one signal between peers that are about to connect. */
export const signalBytesMax = 65_536
/** F: a ticket's text, and the locators in it. */
export const ticketCharactersMax = 65_536
export const ticketUrlsMax = 16
/** W: the name of a command, of a space or of a durable actor; and the commands that a space remembers at least. */
export const commandBytesMax = 256
export const spaceCommandsMax = 1_000
/** What a writer may have pending before its callers wait. */
export const pendingBytesMax = 8_388_608
/** F: one frame of a transport. */
export const frameBytesMax = 65_536
/** P: what one end of a channel may send before the other has taken it. */
export const channelWindowBytes = 524_288
/** P: the same before the receiver widens the channel, once it knows who is there. */
export const channelFirstBytes = 4_096
/** F: channels open at once on a connection, and the name of one. */
export const channelsMax = 256
export const channelNameBytesMax = 64
/** P: peers told of in one topic, and topics on one line of signaling. */
export const topicPeersMax = 1_024
export const lineTopicsMax = 64
/** P: seats of one topic on one line, seats of one topic from one address, and lines from one address. */
export const lineSeatsMax = 4
export const addressSeatsMax = 128
export const addressLinesMax = 256
/** P: what a client of signaling leaves unread: of its own answers, of who came and left, and of signals. */
export const outboxAnswerBytesMax = 1_048_576
export const outboxPresenceBytesMax = 262_144
export const outboxSignalBytesMax = 1_048_576
/** P: what waits in one direction between two ends that do not read at the same pace. */
export const pipeBytesMax = 262_144
/** W: the name and the address of a durable actor, each; and the events of one of its turns. */
export const actorNameBytesMax = 256
export const turnEventsMax = 10_000
/** The commands of one caller whose replies a durable actor remembers, and of how many callers it does. */
export const actorCommandsMax = 1_000
export const actorCallersMax = 64
/** P: calls to actors that one channel has under way, and the bytes of them above which others are refused. */
export const callsMax = 256
export const callBytesMax = 8_388_608
/** W: control operations of a space, and those of one key, beyond which none is made; P: the bytes of those that wait for their parents. */
export const spaceOperationsMax = 100_000
export const signerOperationsMax = 10_000
export const waitingOperationBytesMax = 4_194_304
/** W: feeds that a revocation says to have seen; with 32 parents it fits in an operation. */
export const frontierFeedsMax = 200
/** W: from how many operations on, apart from each other, a theft is said to have begun. */
export const beginningsMax = 32
/** W: the name of a person or a device. */
export const nameBytesMax = 256
