//! Asks Linux for one TCP socket (sock_diag(7)): a few microseconds, however many sockets the machine has, where the table
//! in /proc is walked and printed whole.

use std::{
    io,
    net::{SocketAddr, SocketAddrV4},
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
    netlink::{self, SocketAddrNetlink},
    recv, sendto, socket_with,
};

/// The message "socket by family", and its flag "request", of linux/sock_diag.h and linux/netlink.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
/// What answers "there is no such socket", and other failures.
const ERROR: u16 = 2;
const NO_ENTRY: i32 = -2;
const FAMILY_V4: u8 = 2;
const TCP: u8 = 6;
const ESTABLISHED: u8 = 1;
/// The header of every message, and what is asked.
const HEADER_LEN: usize = 16;
const REQUEST_LEN: usize = HEADER_LEN + 56;
/// Family, state, timer and retransmissions; then the socket's ports and addresses; the user far behind.
const PORTS_AT: usize = HEADER_LEN + 4;
const ADDRESSES_LEN: usize = 4 + 32;
const USER_AT: usize = PORTS_AT + 48 + 12;

/// The user of the established connection from `local` to `remote`; none when there is no such connection, and an error
/// where the system can't be asked.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (local, remote) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let socket =
        socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(netlink::SOCK_DIAG))?;
    sendto(&socket, &question(local, remote), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 512];
    // The kernel has answered before sending returns, and nobody else may send to a socket of this kind.
    let (_, len) = recv(&socket, &mut answer, RecvFlags::DONTWAIT)?;
    read(answer.get(..len).unwrap_or_default(), &places(local, remote))
}

/// Both ports, then both addresses in the first words of their 16 bytes.
fn places(local: SocketAddrV4, remote: SocketAddrV4) -> [u8; ADDRESSES_LEN] {
    let mut places = [0; ADDRESSES_LEN];
    places[..2].copy_from_slice(&local.port().to_be_bytes());
    places[2..4].copy_from_slice(&remote.port().to_be_bytes());
    places[4..8].copy_from_slice(&local.ip().octets());
    places[20..24].copy_from_slice(&remote.ip().octets());
    places
}

fn question(local: SocketAddrV4, remote: SocketAddrV4) -> [u8; REQUEST_LEN] {
    let mut question = [0; REQUEST_LEN];
    question[..4].copy_from_slice(&(REQUEST_LEN as u32).to_ne_bytes());
    question[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    question[6..8].copy_from_slice(&REQUEST.to_ne_bytes());
    question[HEADER_LEN] = FAMILY_V4;
    question[HEADER_LEN + 1] = TCP;
    // In any state; the answer tells which.
    question[HEADER_LEN + 4..HEADER_LEN + 8].fill(0xff);
    question[HEADER_LEN + 8..HEADER_LEN + 8 + ADDRESSES_LEN].copy_from_slice(&places(local, remote));
    // Behind the interface, which may be any, a cookie that says "no cookie".
    question[REQUEST_LEN - 8..].fill(0xff);
    question
}

fn read(answer: &[u8], places: &[u8; ADDRESSES_LEN]) -> io::Result<Option<u32>> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let word = |at: usize| answer.get(at..at + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    match answer.get(4..6).and_then(|bytes| <[u8; 2]>::try_from(bytes).ok()).map(u16::from_ne_bytes) {
        Some(ERROR) => match word(HEADER_LEN).map(i32::from_ne_bytes) {
            Some(NO_ENTRY) => Ok(None),
            Some(number) => Err(io::Error::from_raw_os_error(number.wrapping_neg())),
            None => Err(malformed()),
        },
        Some(SOCK_DIAG_BY_FAMILY) => {
            let user = word(USER_AT).map(u32::from_ne_bytes).ok_or_else(malformed)?;
            // Where there is no such connection, a socket that listens at `local` is told of instead.
            let is_it = answer.get(HEADER_LEN + 1) == Some(&ESTABLISHED)
                && answer.get(PORTS_AT..PORTS_AT + ADDRESSES_LEN) == Some(&places[..]);
            Ok(is_it.then_some(user))
        }
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn user_of_an_open_connection_is_told_and_of_none_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let stream = TcpStream::connect(here).unwrap();
        let peer = stream.local_addr().unwrap();
        // A sandbox may not let sockets be asked for; `peer` then reads the table.
        let Ok(user) = owner(peer, here) else { return };
        assert_eq!(user, Some(rustix::process::geteuid().as_raw()));
        assert_eq!(owner(here, peer).unwrap(), user, "the other end is this process' too");
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(owner(nobody, here).unwrap(), None);
        assert_eq!(owner(here, nobody).unwrap(), None, "one that listens there is no connection");
    }

    #[test]
    fn answers_that_are_cut_or_of_another_kind_are_errors() {
        let places = [7; ADDRESSES_LEN];
        let mut answer = vec![0; USER_AT + 8];
        answer[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        answer[HEADER_LEN + 1] = ESTABLISHED;
        answer[PORTS_AT..PORTS_AT + ADDRESSES_LEN].copy_from_slice(&places);
        answer[USER_AT..USER_AT + 4].copy_from_slice(&1000_u32.to_ne_bytes());
        assert_eq!(read(&answer, &places).unwrap(), Some(1000));
        assert_eq!(read(&answer, &[8; ADDRESSES_LEN]).unwrap(), None);
        for len in 0..USER_AT + 4 {
            assert!(read(&answer[..len], &places).is_err(), "{len}");
        }
        answer[4] ^= 0x40;
        assert!(read(&answer, &places).is_err());
    }
}
