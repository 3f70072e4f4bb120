//! The operator binary.

use std::process::ExitCode;

use dataiku_operator::{
    app,
    args::{Args, Command},
    cli, generate,
};

#[allow(clippy::print_stdout, reason = "the version is what `version` is run for")]
fn main() -> anyhow::Result<ExitCode> {
    let args = match cli::parse(std::env::args_os()) {
        Ok(args) => args,
        Err(code) => return Ok(code),
    };
    let Args { command } = args;
    match command {
        Command::Run(args) => runtime()?.block_on(app::run(args))?,
        Command::Generate(args) => generate::run(&args)?,
        Command::Version => println!("dataiku-operator {}", env!("CARGO_PKG_VERSION")),
        Command::Ask(request) => return Ok(runtime()?.block_on(cli::main(request))),
    }
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
