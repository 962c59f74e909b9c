"""What exporters write to. One file each, with

    NAME              the exporter's group
    PACKAGES          what it needs from Debian
    GOAL              events a second
    REST              events that may wait for more at the end, for they are no whole batch (may be left out: none)
    CLIENTS           programs under clients/ that `limit` uses (may be left out)
    start(folder)     a context manager with the running server
    settings(server)  the service's configuration for it
    limit(server, events, exported)
                      events a second that the server takes of its plainest client: measured in the same round, on a fresh
                      server. `exported` is what `keep(server, folder)` has kept of what was exported, where there is one
    PLAINEST          what that client does
"""
