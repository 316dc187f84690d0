/** Lua scripts are imported as text; the bundler and the tests both know how. */
declare module '*.lua' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how text modules look
  export default text;
}
