/**
 * What the author of a backend writes: the suite does the rest, crashes, torn writes and full disks included.
 */
// #region suite
import { storageConformance } from "troupe/testing"
import * as PlainFiles from "./PlainFiles.ts"

storageConformance("plain files", { layer: (folder) => PlainFiles.layer(folder), over: "FileSystem" })
// #endregion suite
