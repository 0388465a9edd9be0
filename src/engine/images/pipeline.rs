//! An ordered parallel map with a bounded look-ahead: images are decoded on worker threads while the caller's thread
//! uses those before them, in order, so that results don't depend on the number of threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

type Caught<T> = Result<T, Box<dyn Any + Send>>;

/// Runs `work(0)`, …, `work(count − 1)` on `threads` worker threads and hands the results to `consume` on the calling
/// thread, strictly in that order.
///
/// At most `ahead` items are begun and not yet consumed, which bounds the memory whatever `count` is. `threads` and
/// `ahead` count as at least 1; more threads than `ahead` would idle and are not started.
///
/// # Errors
/// The first error of `consume`; items already begun are finished unseen, and no further one is begun.
///
/// # Panics
/// A panic of `work(i)` goes on in the caller after items 0 … i − 1 were consumed and all workers have ended.
pub fn ordered<T: Send, E>(
    count: usize,
    threads: usize,
    ahead: usize,
    work: impl Fn(usize) -> T + Sync,
    mut consume: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), E> {
    let ahead = ahead.clamp(1, count.max(1));
    let stopped = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        // Both queues hold `ahead` items, as many as are under way at most, so no send ever waits: a worker can't be
        // stuck when the caller leaves early. Dropping `tickets` is what ends the workers.
        let (tickets, waiting) = sync_channel::<usize>(ahead);
        let (done, results) = sync_channel::<(usize, Caught<T>)>(ahead);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.clamp(1, ahead) {
            let (waiting, done, work, stopped) = (waiting.clone(), done.clone(), &work, &stopped);
            scope.spawn(move || serve(&waiting, &done, stopped, work));
        }
        drop(done);
        let _guard = StopOnDrop(&stopped);
        collect(count, ahead, &tickets, &results, &mut consume)
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(Stop::Refused(error)) => Err(error),
        Err(Stop::Panicked(cause)) => resume_unwind(cause),
    }
}

/// Why the results are not collected to the end.
enum Stop<E> {
    Refused(E),
    Panicked(Box<dyn Any + Send>),
}

/// Tells the workers to leave the numbers that are still in the queue, however the caller leaves: done, by an error,
/// or by a panic of `consume`.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A worker: takes numbers until there are no more to come.
fn serve<T>(
    waiting: &Mutex<Receiver<usize>>,
    done: &SyncSender<(usize, Caught<T>)>,
    stopped: &AtomicBool,
    work: impl Fn(usize) -> T,
) {
    loop {
        // Only receiving happens under the lock, so a poisoned one has lost nothing.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(index) = next else { return };
        if stopped.load(Ordering::Relaxed) {
            return;
        }
        // Caught so that the caller learns of it in its turn instead of waiting for this item for ever.
        let result = catch_unwind(AssertUnwindSafe(|| work(index)));
        if done.send((index, result)).is_err() {
            return;
        }
    }
}

/// The calling thread: issues a number for each item consumed and puts the results back into order.
fn collect<T, E>(
    count: usize,
    ahead: usize,
    tickets: &SyncSender<usize>,
    results: &Receiver<(usize, Caught<T>)>,
    consume: &mut impl FnMut(usize, T) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    // The workers end only after `tickets` is dropped or by a panic of this thread, so neither queue can break here;
    // should one do so all the same, it must not pass for the end of the work.
    let broken = || Stop::Panicked(Box::new("the worker threads ended early"));
    let issue = |index| if index < count { tickets.send(index).map_err(|_| broken()) } else { Ok(()) };
    (0..ahead).try_for_each(issue)?;
    let mut early = BTreeMap::new();
    for index in 0..count {
        let result = loop {
            if let Some(result) = early.remove(&index) {
                break result;
            }
            let (other, result) = results.recv().map_err(|_| broken())?;
            early.insert(other, result);
        };
        consume(index, result.map_err(Stop::Panicked)?).map_err(Stop::Refused)?;
        issue(index + ahead)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    /// Work that takes longer for some items than for others, so that results come out of order.
    fn slow_square(i: usize) -> usize {
        std::thread::sleep(Duration::from_micros([900, 0, 300, 50][i % 4]));
        i * i
    }

    #[test]
    fn results_come_in_order_for_any_number_of_threads() {
        let expected: Vec<usize> = (0..60).map(|i| i * i).collect();
        for (threads, ahead) in [(0, 0), (1, 1), (1, 8), (2, 3), (3, 16), (4, 4), (4, 1000)] {
            let caller = std::thread::current().id();
            let mut got = Vec::new();
            let outcome = ordered(60, threads, ahead, slow_square, |i, value| {
                assert_eq!(std::thread::current().id(), caller);
                assert_eq!(i, got.len());
                got.push(value);
                Ok::<(), ()>(())
            });
            assert_eq!(outcome, Ok(()));
            assert_eq!(got, expected, "{threads} threads, {ahead} ahead");
        }
        assert_eq!(ordered(0, 2, 4, slow_square, |_, _| Err("never called")), Ok(()));
    }

    /// Waits up to ten seconds.
    fn wait_until(condition: impl Fn() -> bool) {
        let start = std::time::Instant::now();
        while !condition() && start.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    #[test]
    fn the_look_ahead_is_used_and_not_exceeded() {
        let (begun, consumed, most) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |i: usize| {
            let under_way = begun.fetch_add(1, Ordering::SeqCst) + 1 - consumed.load(Ordering::SeqCst);
            most.fetch_max(under_way, Ordering::SeqCst);
            if i == 0 {
                // The first is late: six pile up behind it.
                wait_until(|| begun.load(Ordering::SeqCst) == 7);
            }
        };
        let outcome = ordered(50, 3, 7, work, |_, ()| {
            consumed.fetch_add(1, Ordering::SeqCst);
            Ok::<(), ()>(())
        });
        assert_eq!(outcome, Ok(()));
        assert_eq!(most.into_inner(), 7);
    }

    #[test]
    fn threads_work_at_the_same_time() {
        // Each item waits for another: with one thread this would never end.
        let barrier = std::sync::Barrier::new(3);
        let outcome = ordered(9, 3, 9, |_| barrier.wait().is_leader(), |_, _| Ok::<(), ()>(()));
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn an_error_stops_the_workers() {
        let (begun, refused) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = |i: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if i > 5 {
                wait_until(|| refused.load(Ordering::SeqCst));
                // Time for the caller to leave.
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        let outcome = ordered(10_000, 2, 100, work, |i, ()| {
            refused.store(i == 3, Ordering::SeqCst);
            if i == 3 { Err("full") } else { Ok(()) }
        });
        assert_eq!(outcome, Err("full"));
        // 0 … 5 and one more per thread; the rest of the 100 in the queue is left.
        let begun = begun.into_inner();
        assert!(begun < 20, "{begun}");
    }

    #[test]
    fn a_panic_of_the_work_arrives_in_its_turn_after_the_workers_ended() {
        let (running, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = |i: usize| {
            running.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
            running.fetch_sub(1, Ordering::SeqCst);
            assert!(i != 5, "number five");
        };
        let caught = catch_unwind(AssertUnwindSafe(|| {
            ordered(100, 3, 10, work, |_, ()| {
                seen.fetch_add(1, Ordering::SeqCst);
                Ok::<(), ()>(())
            })
        }));
        let cause = caught.unwrap_err();
        assert_eq!(cause.downcast_ref::<&str>().copied(), Some("number five"));
        assert_eq!((running.into_inner(), seen.into_inner()), (0, 5));
    }

    #[test]
    fn a_panic_of_the_consumer_ends_the_workers() {
        let caught = catch_unwind(|| {
            ordered(1000, 2, 50, slow_square, |i, _| {
                assert!(i < 2, "enough");
                Ok::<(), ()>(())
            })
        });
        assert!(caught.is_err());
    }
}
