//! What keeps one client from holding a connection for longer than it uses it. The HTTP layer has a time limit for the first
//! request of a connection alone, and none for a client that does not read: here are the others, around the stream of bytes.

use std::cell::{Cell, RefCell};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::Error as WebError;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::places::Place;

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// From the first byte of a request to the end of its head.
    pub(super) head: Duration,
    /// For a next request to begin.
    pub(super) keep_alive: Duration,
    /// To take any of what it is sent.
    pub(super) write: Duration,
}

/// A stream of bytes that ends with an error when its client is too slow.
pub(super) struct Connection<T> {
    io: T,
    patience: Patience,
    activity: Rc<Activity>,
    waiting: Option<Waiting>,
    writing: Option<Pin<Box<Sleep>>>,
    _place: Option<Place>,
}

/// Whether a request of a connection is being answered. Its time is the handlers' to bound.
#[derive(Default)]
pub(super) struct Activity {
    under_way: Cell<bool>,
    /// Changes whenever a request begins or its answer ends.
    turn: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

struct Waiting {
    turn: u64,
    begun: bool,
    until: Pin<Box<Sleep>>,
}

impl<T> Connection<T> {
    pub(super) fn new(io: T, patience: Patience, place: Option<Place>) -> Self {
        Self { io, patience, activity: Rc::default(), waiting: None, writing: None, _place: place }
    }

    /// For the requests of the connection.
    pub(super) fn activity(&self) -> Rc<Activity> {
        Rc::clone(&self.activity)
    }

    /// Whether a request is late: its head, once it has begun, or itself.
    fn is_late(&mut self, cx: &mut Context<'_>, read_some: bool) -> bool {
        self.activity.wake_later(cx);
        if self.activity.under_way.get() {
            self.waiting = None;
            return false;
        }
        let Patience { head, keep_alive, .. } = self.patience;
        let turn = self.activity.turn.get();
        let waiting = match &mut self.waiting {
            Some(waiting) if waiting.turn == turn => waiting,
            stale => {
                // A client that connects is about to send.
                let begun = read_some || turn == 0;
                let until = Box::pin(sleep(if begun { head } else { keep_alive }));
                stale.insert(Waiting { turn, begun, until })
            }
        };
        if read_some && !waiting.begun {
            waiting.begun = true;
            waiting.until.as_mut().reset(Instant::now() + head);
        }
        waiting.until.as_mut().poll(cx).is_ready()
    }

    /// Lets what was not written wait for so long.
    fn in_time<R>(&mut self, cx: &mut Context<'_>, wrote: Poll<Result<R>>) -> Poll<Result<R>> {
        if wrote.is_ready() {
            self.writing = None;
            return wrote;
        }
        let write = self.patience.write;
        let until = self.writing.get_or_insert_with(|| Box::pin(sleep(write)));
        until.as_mut().poll(cx).map(|()| Err(late("the client takes nothing")))
    }
}

fn late(what: &'static str) -> Error {
    Error::new(ErrorKind::TimedOut, what)
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let read_some = buf.filled().len() > before;
        let is_end = read.is_ready() && !read_some;
        if !is_end && self.is_late(cx, read_some) {
            return Poll::Ready(Err(late("a request is late")));
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write(cx, buf);
        self.in_time(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let wrote = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.in_time(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.io).poll_shutdown(cx);
        self.in_time(cx, shut)
    }
}

impl Activity {
    fn change(&self, under_way: bool) {
        self.under_way.set(under_way);
        self.turn.set(self.turn.get().wrapping_add(1));
        // The connection has another deadline now, and looks at it only when it is polled.
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn wake_later(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
    }
}

/// A request under way, until its answer was handed over to the last byte.
struct UnderWay(Rc<Activity>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.change(false);
    }
}

struct Answer {
    body: BoxBody,
    _under_way: UnderWay,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<actix_web::web::Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// The outermost layer: tells the connection of each request that it carries.
pub(super) async fn activity(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> std::result::Result<ServiceResponse<BoxBody>, WebError> {
    let Some(activity) = request.conn_data::<Rc<Activity>>().cloned() else { return next.call(request).await };
    activity.change(true);
    let under_way = UnderWay(activity);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body, _under_way: under_way })))
}
