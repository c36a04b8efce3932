//! A body that arrives slowly and never ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use tokio::time::{Instant, Interval, interval_at};

/// One space per period.
#[derive(Debug)]
pub struct Trickle(Interval);

impl Trickle {
    /// The first byte comes after this period.
    pub fn body(period: Duration) -> Body {
        Body::new(Self(interval_at(Instant::now() + period, period)))
    }
}

impl HttpBody for Trickle {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.0.poll_tick(context));
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b" ")))))
    }
}
