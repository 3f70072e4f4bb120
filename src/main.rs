//! The operator binary.

use clap::Parser;
use dataiku_operator::{
    app,
    args::{Args, Command},
    generate,
};

#[allow(clippy::print_stdout, reason = "the version is what `version` is run for")]
fn main() -> anyhow::Result<()> {
    match Args::parse().command {
        Command::Run(args) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?
            .block_on(app::run(args)),
        Command::Generate(args) => generate::run(&args),
        Command::Version => {
            println!("dataiku-operator {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}
