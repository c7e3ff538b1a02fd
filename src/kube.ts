/**
 * The KUBE: a self-contained server of what peers need to meet, to be run beside other layers or by `troupe kube`.
 */
export * as Kube from "./layers/kube/Kube.ts"
