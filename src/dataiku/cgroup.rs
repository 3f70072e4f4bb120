//! How much memory the process may use.

use std::{fs, path::Path};

/// Where the hierarchies of cgroups are.
const ROOT: &str = "/sys/fs/cgroup";
/// A limit beyond this is none: the first version of cgroups shows its greatest number where there is no limit.
const GREATEST: u64 = 1 << 46;

/// The limit of the memory cgroup of this process, in bytes. `None`: nothing limits it, or nothing tells.
pub(super) fn memory_limit() -> Option<usize> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let read = |file: &Path| fs::read_to_string(file).ok();
    limit(&own, read).and_then(|limit| usize::try_from(limit).ok())
}

/// The smallest limit on the way from the cgroup to its root. In a container, the cgroup of the container is the root.
fn limit(own: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let hierarchy = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?.trim_start_matches('/').to_owned());
        match controllers {
            "" => Some((Path::new(ROOT).to_owned(), "memory.max", path)),
            _ if controllers.split(',').any(|one| one == "memory") => {
                Some((Path::new(ROOT).join("memory"), "memory.limit_in_bytes", path))
            }
            _ => None,
        }
    };
    let limits = own.lines().filter_map(hierarchy).flat_map(|(root, file, path)| {
        let below: Vec<_> = Path::new(&path)
            .ancestors()
            .map(|path| root.join(path).join(file))
            .collect();
        below
    });
    let bytes = limits.filter_map(|file| read(&file)?.trim().parse().ok());
    bytes.filter(|bytes| *bytes < GREATEST).min()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::limit;

    fn of(own: &str, files: &[(&str, &str)]) -> Option<u64> {
        let read = |file: &Path| {
            let found = files.iter().find(|(path, _)| Path::new(path) == file);
            found.map(|(_, text)| (*text).to_owned())
        };
        limit(own, read)
    }

    #[test]
    fn the_limit_is_the_smallest_on_the_way_to_the_root() {
        let second = [
            ("/sys/fs/cgroup/memory.max", "max\n"),
            ("/sys/fs/cgroup/pods/memory.max", "1000\n"),
            ("/sys/fs/cgroup/pods/one/memory.max", "2000\n"),
        ];
        assert_eq!(of("0::/pods/one\n", &second), Some(1000));
        assert_eq!(of("0::/other\n", &second), None);
        assert_eq!(of("0::/\n", &[("/sys/fs/cgroup/memory.max", "500\n")]), Some(500));
        let first = [
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/one/memory.limit_in_bytes", "268435456\n"),
        ];
        assert_eq!(of("4:cpu:/\n3:memory:/one\n0::/\n", &first), Some(256 << 20));
        assert_eq!(of("3:memory:/\n", &first), None);
        assert_eq!(of("", &first), None);
    }
}
