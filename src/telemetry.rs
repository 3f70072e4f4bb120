//! Logs.

use tracing::Dispatch;
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::args::LogFormat;

/// What is logged where `RUST_LOG` does not say.
const DEFAULT_FILTER: &str = "info,kube=warn,kube_runtime=warn";

/// Starts logging to standard output.
pub fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    dispatch(format, filter, std::io::stdout).init();
    let log = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The message of a panic may quote a value; the place alone is enough to find it.
        if let Some(place) = panic.location() {
            tracing::error!(file = place.file(), line = place.line(), "panic");
        } else {
            log(panic);
        }
    }));
}

/// Where log records go: those that pass the filter, in this form, to this writer.
pub fn dispatch<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Dispatch
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Json => registry
            .with(fmt::layer().json().flatten_event(true).with_writer(writer))
            .into(),
        LogFormat::Text => registry.with(fmt::layer().with_writer(writer)).into(),
    }
}
