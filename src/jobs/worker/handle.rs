//! The window's end of the compute thread.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use super::compute;
use super::messages::{Event, Preview, Request, WorkerConfig};
use crate::jobs::control::{Control, Latest};

/// The compute thread's handle. Dropping it cancels what runs.
pub struct Worker {
    requests: Option<SyncSender<(Request, Control)>>,
    events: Receiver<Event>,
    previews: Latest<Preview>,
    running: Vec<Control>,
    thread: Option<JoinHandle<()>>,
}

/// The queue is full: the request was not taken.
#[derive(Debug, thiserror::Error)]
#[error("too much is waiting already; cancel something first")]
pub struct Busy;

impl Worker {
    /// Starts the thread. `wake` is called after each event, to have the window drain them.
    ///
    /// # Errors
    /// The system's reason where no thread can be started.
    pub fn start(config: WorkerConfig, wake: impl Fn() + Send + Sync + 'static) -> std::io::Result<Self> {
        let (requests, incoming) = sync_channel::<(Request, Control)>(16);
        let (outgoing, events) = sync_channel(256);
        let previews = Latest::default();
        let channels = (outgoing, previews.clone());
        let run = move || compute::Compute::new(config, channels, Arc::new(wake)).run(&incoming);
        let thread = std::thread::Builder::new().name("compute".to_owned()).spawn(run)?;
        Ok(Self { requests: Some(requests), events, previews, running: Vec::new(), thread: Some(thread) })
    }

    /// Queues a request; its [`Control`] steers it, also while it waits.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn request(&mut self, request: Request) -> Result<Control, Busy> {
        let control = Control::default();
        let sender = self.requests.as_ref().ok_or(Busy)?;
        match sender.try_send((request, control.clone())) {
            Ok(()) => {
                self.running.retain(|c| !c.is_cancelled());
                self.running.push(control.clone());
                Ok(control)
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(Busy),
        }
    }

    /// The next event, if one is there; never waits.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// The newest look at images that change, if there is one that wasn't taken yet; never waits. To be asked for behind
    /// the events, so that it is of the dataset that they speak of.
    #[must_use]
    pub fn preview(&self) -> Option<Preview> {
        self.previews.take()
    }

    /// Waits for the next event; `None` after `timeout` or when the thread has ended.
    pub fn wait(&mut self, timeout: std::time::Duration) -> Option<Event> {
        self.events.recv_timeout(timeout).ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.requests = None;
        for control in &self.running {
            control.cancel();
        }
        // Events nobody reads any more must not hold the thread.
        while self.thread.as_ref().is_some_and(|t| !t.is_finished()) {
            let _ = self.events.recv_timeout(std::time::Duration::from_millis(10));
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
