/** Version of the SDK, as semantic versioning counts. Goes out with every event, and names the published file. */
export const VERSION = '1.0.0';
