/** Scripts are imported as text; the bundler and the tests both know how. */
declare module '*.bash' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how text modules look
  export default text;
}
declare module '*.zsh' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how text modules look
  export default text;
}
declare module '*.fish' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how text modules look
  export default text;
}
declare module '*.ps1' {
  const text: string;
  // biome-ignore lint/style/noDefaultExport: that is how text modules look
  export default text;
}
