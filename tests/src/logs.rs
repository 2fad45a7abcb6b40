//! Everything that this process logs, at the most verbose level: `tracing` and `log`.

use alloc::sync::Arc;
use core::cell::RefCell;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_core::span::Current;

/// One thing that was logged.
#[derive(Clone, Debug)]
pub struct Line {
    /// Who logged it.
    pub target: String,
    /// `TRACE` to `ERROR`.
    pub level: String,
    /// The spans it was logged in, outermost first.
    pub spans: Vec<Arc<Span>>,
    /// Its fields; the sentence is `message`.
    pub fields: Fields,
    thread: String,
}

/// A span as it was opened.
#[derive(Debug)]
pub struct Span {
    /// Its name.
    pub name: &'static str,
    /// What it was opened with.
    pub fields: Fields,
    parent: Option<u64>,
    metadata: &'static Metadata<'static>,
}

/// Names and values, as they are printed.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub Vec<(&'static str, String)>);

impl Fields {
    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| &**value)
    }
}

impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let (line, lines) = (format!("{value:?}"), format!("{value:#?}"));
        let value = if line == lines { line } else { line + "\n" + &lines };
        self.0.push((field.name(), value));
    }
}

impl Line {
    /// All of it.
    pub fn text(&self) -> String {
        let Self { target, level, spans, fields, .. } = self;
        let spans: String = spans.iter().map(|it| format!("{}{} ", it.name, it.fields)).collect();
        format!("{level} {target}: {spans}{fields}")
    }

    /// Whether it is a row of what `ureq_proto` sends or receives, which it prints byte for byte.
    pub fn is_row(&self) -> bool {
        self.target == "ureq_proto::util" && self.level == "TRACE"
    }
}

/// What was logged since [`listen`], in order.
///
/// # Panics
/// If nobody listens.
pub fn lines() -> Vec<Line> {
    assert!(LISTENING.is_completed());
    lock().lines.clone()
}

/// What `ureq_proto` has printed in rows of sixteen bytes, put together again for each thread.
pub fn rows() -> Vec<String> {
    let mut threads = HashMap::<String, String>::new();
    for line in lines().iter().filter(|line| line.is_row()) {
        let row = line.fields.get("message").unwrap_or_default();
        // Behind the bytes as numbers they stand as text.
        let text = row.get(row.len().saturating_sub(16)..).unwrap_or_default();
        threads.entry(line.thread.clone()).or_default().push_str(text);
    }
    threads.into_values().collect()
}

/// Begins to listen, once for the process.
///
/// # Panics
/// If somebody else listens.
pub fn listen() {
    LISTENING.call_once(|| {
        tracing::subscriber::set_global_default(Listener).expect("nobody else listens");
        log::set_logger(&Listener).expect("nobody else listens");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

static LISTENING: Once = Once::new();
static HEARD: LazyLock<Mutex<Heard>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Heard {
    lines: Vec<Line>,
    spans: HashMap<u64, Arc<Span>>,
}

struct Listener;

impl Listener {
    fn hear(target: &str, level: &str, innermost: Option<u64>, fields: Fields) {
        let mut heard = lock();
        let mut spans = Vec::new();
        let mut next = innermost;
        while let Some(span) = next.and_then(|id| heard.spans.get(&id)) {
            spans.insert(0, Arc::clone(span));
            next = span.parent;
        }
        let (target, level) = (target.to_owned(), level.to_owned());
        let thread = format!("{:?}", std::thread::current().id());
        heard.lines.push(Line { target, level, spans, fields, thread });
    }
}

impl Subscriber for Listener {
    fn register_callsite(&self, _metadata: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        span.record(&mut fields);
        let parent = match span.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if span.is_root() => None,
            None => current(),
        };
        let metadata = span.metadata();
        let (target, level) = (metadata.target(), metadata.level().as_str());
        let span = Span { name: metadata.name(), fields, parent, metadata };
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        lock().spans.insert(id, Arc::new(span));
        Self::hear(target, level, Some(id), Fields::default());
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        Self::hear("recorded", "TRACE", Some(span.into_u64()), fields);
    }

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let innermost = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_root() => None,
            None => current(),
        };
        let metadata = event.metadata();
        Self::hear(metadata.target(), metadata.level().as_str(), innermost, fields);
    }

    fn enter(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(span.into_u64()));
    }

    fn exit(&self, span: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            let at = entered.iter().rposition(|id| *id == span.into_u64());
            at.map(|at| entered.remove(at));
        });
    }

    fn current_span(&self) -> Current {
        let Some(id) = current() else { return Current::none() };
        let heard = lock();
        heard
            .spans
            .get(&id)
            .map_or_else(Current::none, |span| Current::new(Id::from_u64(id), span.metadata))
    }
}

impl log::Log for Listener {
    fn enabled(&self, _metadata: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let fields = Fields(vec![("message", record.args().to_string())]);
        Self::hear(record.target(), record.level().as_str(), current(), fields);
    }

    fn flush(&self) {}
}

fn current() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

fn lock() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}
