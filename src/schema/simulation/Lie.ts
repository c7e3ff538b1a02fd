/**
 * The lies that a peer of a simulated world may tell: one each, beside which it is as honest as all others.
 */

/**
 * - `back-date`: it signs as if it had seen nothing since it was let in, also when its right was taken away
 * - `equivocate`: it says two things in place of one, and to each peer one of them
 * - `omit`: it passes on only some operations and feeds of others, and does as if the rest were not there
 * - `impersonate`: it sends operations in the names of others, by their rights, certificates and feeds
 * - `replay`: it sends again, to whomever, what it has sent before
 * - `flood`: it sends as much as others take, of what is true and of what will never count
 */
export const lies = ["back-date", "equivocate", "omit", "impersonate", "replay", "flood"] as const

export type Lie = (typeof lies)[number]
