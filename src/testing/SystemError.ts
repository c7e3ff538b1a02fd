/**
 * Errors of a file system as Effect's has them on Node: a tag where Effect knows the code, and the code in the cause.
 */
import * as PlatformError from "effect/PlatformError"

/** The codes of the system, and what Effect's FileSystem on Node makes of them. */
const codes = {
  ENOENT: ["NotFound", "no such file or directory"],
  EEXIST: ["AlreadyExists", "file already exists"],
  EISDIR: ["BadResource", "illegal operation on a directory"],
  ENOTDIR: ["BadResource", "not a directory"],
  EBADF: ["Unknown", "bad file descriptor"],
  ENOSPC: ["Unknown", "no space left on device"],
  EIO: ["Unknown", "i/o error"]
} as const

export const systemError = (code: keyof typeof codes, method: string, path: string): PlatformError.PlatformError => {
  const [tag, says] = codes[code]
  const cause = Object.assign(new Error(`${code}: ${says}, ${method} '${path}'`), { code })
  return PlatformError.systemError({ _tag: tag, module: "FileSystem", method, pathOrDescriptor: path, syscall: method, cause })
}
