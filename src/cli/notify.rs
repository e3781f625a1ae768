//! Telling the service manager how far the program is, as `sd_notify(3)` has it.

use std::os::unix::net::UnixDatagram;

/// Tells the manager that waits for it, if there is one: `NOTIFY_SOCKET` is the path of its socket. When it cannot be told, the
/// program goes on all the same.
pub fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty()) else { return };
    let sent = UnixDatagram::unbound().and_then(|from| from.send_to(state.as_bytes(), socket));
    if let Err(error) = sent {
        tracing::warn!(%error, state, "the service manager could not be told");
    }
}
