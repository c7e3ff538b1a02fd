/**
 * What identities tell by themselves: the value now, and again whenever it is another one.
 *
 * A signal only says that something may have changed, and what is told is looked up when the reader is ready. So whoever reads slowly is
 * told less, and nobody is told the same twice.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

/** Rings when what this device keeps of its identities has changed. A ring that nobody has heard yet stands for those after it. */
export const makeRings = PubSub.sliding<void>(1)

/** What is read now, and after each signal and each ring when it is something else by what `seen` makes of it. */
export const watched = <A, E, E2>(
  rings: PubSub.PubSub<void>,
  signals: Stream.Stream<unknown, E>,
  read: Effect.Effect<A, E2>,
  seen: (value: A) => unknown
): Stream.Stream<A, E | E2> =>
  Stream.unwrap(
    // before the first look, so that nothing is missed after it
    Effect.map(PubSub.subscribe(rings), (subscription) =>
      Stream.make(undefined).pipe(
        Stream.merge(Stream.fromSubscription(subscription)),
        Stream.merge(signals),
        Stream.mapEffect(() => Effect.map(read, (value) => ({ value, text: JSON.stringify(seen(value)) }))),
        Stream.changesWith((a, b) => a.text === b.text),
        Stream.map(({ value }) => value)
      )
    )
  )
