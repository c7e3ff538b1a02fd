/**
 * Which of the changes that an application has named are made, and in which block: the latest of a space, over all feeds of this device.
 *
 * A block's commands are stored with it and removed with it, so that one is known exactly as long as its change counts. What the change
 * was, the block says. A change that was written anew is named in both blocks, and counts where it was written last.
 */
import type { CommandRecord } from "../../schema/echo/FeedRecords.ts"
import { spaceCommandsMax } from "../../schema/platform/Limits.ts"
import { type CommandPlace, countedLength } from "../../services/echo/FeedStore.ts"
import type { HeldFeed } from "./HeldFeed.ts"

/** The commands of one block. */
interface Kept {
  readonly feed: HeldFeed
  readonly index: number
  readonly commands: ReadonlyArray<CommandRecord>
}

export class FeedCommands {
  private readonly places = new Map<string, CommandPlace>()
  /** The oldest first; those that are forgotten are taken off in one piece. */
  private kept: Array<Kept> = []

  /** Where a command was carried out; null when it was not, is forgotten, or stands in what a fork has frozen. */
  find(command: string): CommandPlace | null {
    const place = this.places.get(command)
    return place === undefined || place.index >= countedLength(place.feed) ? null : place
  }

  /** A block with these commands is stored. */
  keep(feed: HeldFeed, index: number, commands: ReadonlyArray<CommandRecord>): void {
    if (commands.length === 0) return
    this.kept.push({ feed, index, commands })
    for (const { command, first } of commands) this.places.set(command, { feed, index, first })
  }

  /** The command of the change set with this first counter, or null. */
  at(feed: HeldFeed, first: number): string | null {
    for (const kept of this.kept) {
      const found = kept.feed === feed ? kept.commands.find((each) => each.first === first) : undefined
      if (found !== undefined) return found.command
    }
    return null
  }

  /** The records of the `count` oldest blocks are removed. */
  forget(count: number): void {
    if (count === 0) return
    for (const kept of this.kept.slice(0, count)) for (const command of this.newest(kept)) this.places.delete(command)
    this.kept = this.kept.slice(count)
  }

  /** The oldest blocks whose commands are forgotten when these come: what is left is no less than is to be remembered. */
  surplus(coming: ReadonlyArray<CommandRecord>): ReadonlyArray<Kept> {
    const more = coming.filter(({ command }) => !this.places.has(command)).length
    if (more === 0) return []
    let left = this.places.size + more
    let over = 0
    for (; over < this.kept.length; over++) {
      left -= this.newest(this.kept[over]!).length
      if (left < spaceCommandsMax) break
    }
    return this.kept.slice(0, over)
  }

  /** Those of a block that no later one names. */
  private newest({ commands, feed, index }: Kept): ReadonlyArray<string> {
    return commands.flatMap(({ command }) => {
      const place = this.places.get(command)
      return place?.feed === feed && place.index === index ? [command] : []
    })
  }
}
