//! Who is at the other end of a loopback connection. The secret paths of source and receiver stand on ffmpeg's command
//! line, where every user of the machine can read them; so on Linux only this process' own user is answered.

#[cfg(target_os = "linux")]
mod diagnosis;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

const TABLE: &str = "/proc/net/tcp";
/// The table is read while it changes, so that a connection can be missing from one reading of it.
const READINGS_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Whether `peer`, connected to `here`, belongs to this process' user; true where nobody can tell.
pub(crate) async fn is_own(peer: SocketAddr, here: SocketAddr) -> bool {
    is_of(rustix::process::geteuid().as_raw(), peer, here).await
}

async fn is_of(user: u32, peer: SocketAddr, here: SocketAddr) -> bool {
    #[cfg(target_os = "linux")]
    if let Ok(owner) = diagnosis::owner(peer, here) {
        if owner.is_none() {
            tracing::warn!(%peer, "a client that the system does not know was turned away");
        }
        return owner == Some(user);
    }
    is_of_by_table(user, peer, here).await
}

/// Where the system can't be asked for one connection: sandboxes leave that out.
async fn is_of_by_table(user: u32, peer: SocketAddr, here: SocketAddr) -> bool {
    for _ in 0..READINGS_MAX {
        let Ok(table) = tokio::fs::read_to_string(TABLE).await else { return true };
        if let Some(owner) = owner(&table, peer, here) {
            return owner == user;
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::warn!(%peer, "a client that the system does not list was turned away");
    false
}

/// The user of an established connection, as proc(5) tells: the fields are number, local and remote address, state,
/// queues, timer, retransmissions, user.
fn owner(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    const ESTABLISHED: &str = "01";
    let wanted = [text(local)?, text(remote)?];
    table.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        match fields[..] {
            [_, local, remote, ESTABLISHED, _, _, _, user, ..] if [local, remote] == wanted => user.parse().ok(),
            _ => None,
        }
    })
}

/// `0100007F:1F90`: the address as a number in this machine's byte order, the port as one in the usual.
fn text(address: SocketAddr) -> Option<String> {
    let IpAddr::V4(ip) = address.ip() else { return None };
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), address.port()))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn user_of_a_connection_is_read_from_the_peer_s_line_alone() {
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (peer, here) = (text(address(40_000)).unwrap(), text(address(8080)).unwrap());
        let line = |local: &str, remote: &str, state: &str, user: u32| {
            format!("   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  {user}        0 77 1\n")
        };
        let table = [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n".into(),
            line(&here, &peer, "01", 1),
            line(&peer, &here, "06", 2),
            line(&peer, &here, "01", 1000),
        ];
        assert_eq!(owner(&table.concat(), address(40_000), address(8080)), Some(1000));
        assert_eq!(owner(&table[..3].concat(), address(40_000), address(8080)), None);
    }

    #[tokio::test]
    async fn own_connection_is_let_in_and_another_user_s_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let stream = TcpStream::connect(here).unwrap();
        let peer = stream.local_addr().unwrap();
        assert!(is_own(peer, here).await);
        let other = rustix::process::geteuid().as_raw() + 1;
        // Where there is no such table, nobody can tell.
        let nobody_can = std::fs::read(TABLE).is_err();
        assert_eq!(is_of(other, peer, here).await, nobody_can);
        assert!(is_of_by_table(other - 1, peer, here).await);
        assert_eq!(is_of_by_table(other, peer, here).await, nobody_can);
    }
}
