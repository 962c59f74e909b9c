/// How long a test waits for what must come: other tests may take all processors meanwhile.
package let patience = Duration.seconds(600)
