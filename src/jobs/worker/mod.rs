//! The window's compute thread: takes requests in order, owns the device, streams events back.

mod beside;
mod compute;
mod handle;
mod messages;
mod moving;
mod reopen;

pub use handle::{Busy, Worker};
pub use messages::{
    Beside, BesideRequest, Event, Job, OpenedDataset, OpenedProject, Preview, RefineRequest, Request, WorkerConfig,
};
