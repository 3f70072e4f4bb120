//! The program prints one line of JSON and serves until it is told to stop.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A program that ends with its test.
pub struct Program(pub Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn one_line_says_where_and_how_to_sign_in() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simulator"));
    command.args([
        "--dss-port",
        "0",
        "--seed-users",
        "30",
        "--seed-groups",
        "2",
        "--switch",
        "A2=409",
    ]);
    let mut program = Program(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let facts: Value = serde_json::from_str(&line).unwrap();
    let dss = &facts["instances"][0];
    let url = format!("{}/public/api/admin/users", dss["url"].as_str().unwrap());
    let answer = reqwest::Client::new()
        .get(url)
        .basic_auth(dss["apiKey"].as_str().unwrap(), Some(""))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.json::<Vec<Value>>().await.unwrap().len(), 31);
    let switches = format!("{}/instances/dss-1/switches", facts["controlUrl"].as_str().unwrap());
    assert_eq!(
        reqwest::get(switches).await.unwrap().json::<Value>().await.unwrap()["A2"],
        409
    );
}

#[test]
fn the_switches_are_listed_with_their_defaults() {
    let output = Command::new(env!("CARGO_BIN_EXE_simulator"))
        .arg("switches")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("dss\tA19\t")).unwrap();
    assert!(
        line.starts_with("dss\tA19\t\"dangling\"\t[dangling | removed]\t"),
        "{line}"
    );
}
