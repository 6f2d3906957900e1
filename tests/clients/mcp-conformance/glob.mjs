// `fs` as Node 22 has it, for the suite alone.

const source = 'export * from "node:fs"; export { default } from "node:fs"; export const globSync = undefined'
const url = `data:text/javascript,${encodeURIComponent(source)}`

export function resolve(name, context, next) {
  const isAsked = name === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/')
  return isAsked ? { url, shortCircuit: true } : next(name, context)
}
