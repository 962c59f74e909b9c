// What the browser has, and TypeScript's library of 2022 does not know.

interface Window {
  okla: any;
  navigation?: EventTarget;
  Navigation?: any;
}

interface Navigator {
  globalPrivacyControl?: boolean;
}

interface AbortSignalConstructor {
  timeout?(milliseconds: number): AbortSignal;
}

interface Document {
  prerendering?: boolean;
}

declare class CompressionStream {
  constructor(format: 'gzip');
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}
