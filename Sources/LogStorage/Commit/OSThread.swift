internal import Glibc

/// A thread of the operating system that runs one closure: for what blocks, which must stay off Swift's task threads.
final class OSThread: @unchecked Sendable {
    // Sendable: `handle` is written once, in the initializer.

    private var handle = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body: body))
        let status = pthread_create(
            &handle, nil,
            { pointer in
                let box = Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue()
                box.body()
                return nil
            }, box.toOpaque())
        precondition(status == 0, "the system gives no thread")
    }

    func join() { pthread_join(handle, nil) }

    private final class Box {
        let body: @Sendable () -> Void

        init(body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
