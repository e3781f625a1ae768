//! The sink at work: it takes a part on a thread of its own, while the next part is checked and the one before it is indexed.

use std::io;

use bytes::Bytes;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::claims::ClaimLeaves;
use super::{Object, Part, Sink};
use crate::client::check::CheckedLeaf;
use crate::note::Note;

/// A part that was checked, on its way to the sink.
pub(super) struct Parcel {
    pub(super) first: u64,
    pub(super) leaves: Vec<Bytes>,
    pub(super) checked: Vec<CheckedLeaf>,
    pub(super) objects: Vec<Object>,
    /// The checkpoint that it is the last part of.
    pub(super) completes: Option<Note>,
}

impl Parcel {
    /// How many leaves there are once it is taken.
    pub(super) fn end(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }
}

/// A sink that is here, or away with a parcel.
pub(super) struct Hand<K> {
    sink: Option<K>,
    away: Option<JoinHandle<Returned<K>>>,
    returned: Option<(Parcel, io::Result<()>)>,
}

type Returned<K> = (K, Parcel, io::Result<()>);

impl<K: Sink> Hand<K> {
    pub(super) fn new(sink: K) -> Self {
        Hand { sink: Some(sink), away: None, returned: None }
    }

    /// The sink, once it is back.
    pub(super) async fn sink(&mut self) -> &mut K {
        if let Some(away) = &mut self.away {
            let (sink, parcel, result) = match away.await.map_err(JoinError::try_into_panic) {
                Ok(returned) => returned,
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                // The runtime is ending, and whoever waits with it.
                Err(Err(_)) => std::future::pending().await,
            };
            (self.away, self.sink, self.returned) = (None, Some(sink), Some((parcel, result)));
        }
        self.sink.as_mut().expect("it is back")
    }

    /// The parcel that was given last, once it is taken or could not be; none when there was none.
    pub(super) async fn returned(&mut self) -> Option<(Parcel, io::Result<()>)> {
        self.sink().await;
        self.returned.take()
    }

    /// Gives the sink a parcel, once it is back, and keeps the claims in it.
    pub(super) async fn give(&mut self, parcel: Parcel, claims: ClaimLeaves) {
        self.sink().await;
        let mut sink = self.sink.take().expect("it is back");
        self.away = Some(spawn_blocking(move || {
            let Parcel { first, leaves, checked, objects, .. } = &parcel;
            let part = Part { first: *first, leaves, checked, objects };
            let taken = sink.take(&part).and_then(|()| claims.add(checked.iter()));
            (sink, parcel, taken)
        }));
    }
}
