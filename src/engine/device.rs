//! Compute devices: list them, pick one, say why.

use burn::tensor::{Device, DeviceKind};

use super::cpu::kernels::isa::{Isa, IsaError};

/// What the user asked for with `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A hardware GPU if there is one, never a software one, else the CPU.
    #[default]
    Auto,
    /// burn's flex backend.
    Cpu,
    /// The n-th adapter of the graphics API, as `stillroom devices` numbers them.
    Wgpu(usize),
    /// The n-th CUDA device (cargo feature `cuda`).
    Cuda(usize),
    /// The n-th adapter through the SPIR-V compiler (cargo feature `vulkan`).
    Vulkan(usize),
}

/// What kind of processor a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hardware {
    /// The processor itself.
    Cpu,
    /// A graphics processor.
    Gpu,
    /// A graphics driver that computes on the processor: right, slow.
    SoftwareGpu,
}

/// One row of `stillroom devices`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// What `--device` takes.
    pub id: String,
    /// The part's name.
    pub name: String,
    /// Kind.
    pub hardware: Hardware,
    /// Memory in MiB, where the driver tells it (wgpu does not).
    pub memory_mib: Option<u64>,
    /// Bytes of the largest buffer that a shader may see, where the driver tells it: a batch whose largest map is larger
    /// goes through in parts.
    pub largest_buffer: Option<u64>,
}

impl DeviceInfo {
    /// The device in a few words, such as "CPU · 8 threads" or "H200 (CUDA)".
    #[must_use]
    pub fn short(&self, threads: Option<usize>) -> String {
        let kind = self.id.split(':').next().unwrap_or_default();
        if self.hardware == Hardware::Cpu {
            let threads = threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
            return format!("CPU · {threads} thread{}", if threads == 1 { "" } else { "s" });
        }
        let interface = match kind {
            "cuda" => "CUDA",
            "vulkan" => "Vulkan",
            other => other,
        };
        let makers = ["NVIDIA ", "AMD ", "Intel(R) ", "GeForce ", "Radeon ", "Apple "];
        let name = makers.iter().fold(self.name.as_str(), |name, maker| name.strip_prefix(maker).unwrap_or(name));
        format!("{name} ({interface})")
    }
}

/// A device that was picked and opened.
#[derive(Clone)]
pub struct Picked {
    /// Which.
    pub info: DeviceInfo,
    /// burn's handle.
    pub device: Device,
    /// Why this one.
    pub reason: String,
}

/// Why no device could be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// No such device.
    #[error("there is no device '{id}'; `stillroom devices` lists: {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: String,
    },
    /// This program was built without the backend.
    #[error("this program was built without {0}; build it with `cargo build --release --features {0}`")]
    NotBuilt(&'static str),
    /// The driver refused.
    #[error("{id} could not be opened: {reason}; try --device cpu")]
    Open {
        /// The device.
        id: String,
        /// The driver's reason.
        reason: String,
    },
    /// The processor has no such instruction set.
    #[error(transparent)]
    Isa(#[from] IsaError),
}

impl std::str::FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || format!("'{text}' is no device: give auto, cpu, wgpu[:n], cuda[:n] or vulkan[:n]");
        let (name, index) = text.split_once(':').map_or((text, None), |(n, i)| (n, Some(i)));
        let index = index.map_or(Ok(None), |i| i.parse().map(Some)).map_err(|_| error())?;
        match (name, index) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("wgpu", n) => Ok(Self::Wgpu(n.unwrap_or(0))),
            ("cuda", n) => Ok(Self::Cuda(n.unwrap_or(0))),
            ("vulkan", n) => Ok(Self::Vulkan(n.unwrap_or(0))),
            _ => Err(error()),
        }
    }
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Wgpu(n) => write!(f, "wgpu:{n}"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::Vulkan(n) => write!(f, "vulkan:{n}"),
        }
    }
}

/// All devices that this build can use, the CPU first.
#[must_use]
pub fn list() -> Vec<DeviceInfo> {
    let mut devices = vec![cpu_info()];
    devices.extend(cuda_devices());
    let adapters = adapters();
    for (n, adapter) in adapters.iter().enumerate() {
        devices.push(adapter_info(format!("wgpu:{n}"), adapter));
    }
    if cfg!(feature = "vulkan") {
        devices.extend(adapters.iter().enumerate().map(|(n, adapter)| adapter_info(format!("vulkan:{n}"), adapter)));
    }
    devices
}

/// Which device `auto` takes among `devices`, and why.
#[must_use]
pub fn auto(devices: &[DeviceInfo]) -> (usize, String) {
    if let Some(gpu) = devices.iter().position(|d| d.hardware == Hardware::Gpu) {
        return (gpu, "the first hardware GPU".to_owned());
    }
    let software = devices.iter().filter(|d| d.hardware == Hardware::SoftwareGpu).count();
    let reason = match software {
        0 => "no GPU was found".to_owned(),
        n => format!("no hardware GPU was found ({n} software GPU is never taken by itself)"),
    };
    (0, reason)
}

/// Opens the device that was asked for.
///
/// # Errors
/// [`DeviceError`] where it doesn't exist, was not built in, or its driver refuses, or where `STILLROOM_ISA` names no
/// instruction set of this machine.
pub fn pick(choice: DeviceChoice) -> Result<Picked, DeviceError> {
    // Whatever the device: a name that nobody looked at would seem to hold.
    Isa::chosen()?;
    // Asking the graphics drivers takes time, and some of them write to the terminal.
    let devices = if choice == DeviceChoice::Cpu { vec![cpu_info()] } else { list() };
    let (info, reason) = if choice == DeviceChoice::Auto {
        let (at, reason) = auto(&devices);
        (devices[at].clone(), reason)
    } else {
        let id = choice.to_string();
        let found = devices.iter().find(|d| d.id == id).cloned();
        match (found, choice) {
            (Some(info), _) => (info, "asked for".to_owned()),
            (None, DeviceChoice::Cuda(_)) if !cfg!(feature = "cuda") => return Err(DeviceError::NotBuilt("cuda")),
            (None, DeviceChoice::Vulkan(_)) if !cfg!(feature = "vulkan") => {
                return Err(DeviceError::NotBuilt("vulkan"));
            }
            _ => {
                let known = devices.iter().map(|d| d.id.as_str()).collect::<Vec<_>>().join(", ");
                return Err(DeviceError::Unknown { id, known });
            }
        }
    };
    let device = open(&info.id)?;
    Ok(Picked { info, device, reason })
}

fn open(id: &str) -> Result<Device, DeviceError> {
    let error = |reason: String| DeviceError::Open { id: id.to_owned(), reason };
    let (name, index) = id.split_once(':').unwrap_or((id, "0"));
    let index: usize = index.parse().unwrap_or(0);
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => std::panic::catch_unwind(|| Device::cuda(index)).map_err(|_| error("the CUDA driver failed".into())),
        #[cfg(feature = "vulkan")]
        "vulkan" => {
            let kind = adapters().into_iter().nth(index).map(|adapter| adapter.kind).unwrap_or_default();
            std::panic::catch_unwind(|| Device::vulkan(kind)).map_err(|_| error("the Vulkan driver failed".into()))
        }
        _ => {
            let kind = adapters().into_iter().nth(index).map(|adapter| adapter.kind).unwrap_or_default();
            // A second initialisation of the same adapter is refused, and means that it is open already.
            match Device::wgpu_options().device_kind(kind.clone()).init() {
                Ok(device) => Ok(device),
                Err(e) if e.to_string().contains("already") => Ok(Device::wgpu(kind)),
                Err(e) => Err(error(e.to_string())),
            }
        }
    }
}

fn cpu_info() -> DeviceInfo {
    let name = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemTotal"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
    });
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let name = format!("{} ({threads} threads)", name.unwrap_or_else(|| std::env::consts::ARCH.to_owned()));
    DeviceInfo { id: "cpu".to_owned(), name, hardware: Hardware::Cpu, memory_mib: memory, largest_buffer: None }
}

#[cfg(feature = "cuda")]
fn cuda_devices() -> Vec<DeviceInfo> {
    let found = std::panic::catch_unwind(|| Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec());
    let devices = found.unwrap_or_default();
    let name = |d: &Device| d.identity().map_or_else(|| "CUDA device".to_owned(), |i| i.name);
    let info = |(n, d)| DeviceInfo {
        id: format!("cuda:{n}"),
        name: name(d),
        hardware: Hardware::Gpu,
        memory_mib: None,
        largest_buffer: None,
    };
    devices.iter().enumerate().map(info).collect()
}

#[cfg(not(feature = "cuda"))]
fn cuda_devices() -> Vec<DeviceInfo> {
    Vec::new()
}

fn adapter_info(id: String, Adapter { info, largest_buffer, .. }: &Adapter) -> DeviceInfo {
    let software = info.device_type == wgpu::DeviceType::Cpu;
    let hardware = if software { Hardware::SoftwareGpu } else { Hardware::Gpu };
    DeviceInfo {
        id,
        name: format!("{} ({})", info.name, info.backend),
        hardware,
        memory_mib: None,
        largest_buffer: Some(*largest_buffer),
    }
}

/// A graphics device.
struct Adapter {
    info: wgpu::AdapterInfo,
    /// As burn selects it.
    kind: DeviceKind,
    /// In bytes.
    largest_buffer: u64,
}

/// The adapters of the first graphics API that has any, in the order and with the selectors that burn uses: every
/// kind counts from zero on its own.
fn adapters() -> Vec<Adapter> {
    let probe = |backends: wgpu::Backends| {
        let descriptor =
            wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
        let instance = wgpu::Instance::new(descriptor);
        let adapters = pollster::block_on(instance.enumerate_adapters(backends));
        let about = |adapter: &wgpu::Adapter| {
            let limits = adapter.limits();
            (adapter.get_info(), limits.max_buffer_size.min(limits.max_storage_buffer_binding_size))
        };
        adapters.iter().map(about).collect::<Vec<_>>()
    };
    let apis = [wgpu::Backends::VULKAN, wgpu::Backends::METAL, wgpu::Backends::DX12];
    let infos = apis.into_iter().map(probe).find(|found| !found.is_empty()).unwrap_or_default();
    let mut counts = [0_usize; 3];
    let mut next = |kind: usize| {
        counts[kind] += 1;
        counts[kind] - 1
    };
    infos
        .into_iter()
        .map(|(info, largest_buffer)| {
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => DeviceKind::DiscreteGpu(next(0)),
                wgpu::DeviceType::IntegratedGpu => DeviceKind::IntegratedGpu(next(1)),
                wgpu::DeviceType::VirtualGpu => DeviceKind::VirtualGpu(next(2)),
                wgpu::DeviceType::Cpu => DeviceKind::Cpu,
                wgpu::DeviceType::Other => DeviceKind::DefaultDevice,
            };
            Adapter { info, kind, largest_buffer }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_round_trip() {
        for text in ["auto", "cpu", "wgpu:0", "cuda:1", "vulkan:2"] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap().to_string(), text);
        }
        assert_eq!("wgpu".parse(), Ok(DeviceChoice::Wgpu(0)));
        for text in ["gpu", "cpu:1", "wgpu:x", ""] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_device_has_a_short_name() {
        let of = |id: &str, name: &str, hardware| DeviceInfo {
            id: id.into(),
            name: name.into(),
            hardware,
            memory_mib: None,
            largest_buffer: None,
        };
        assert_eq!(of("cpu", "AMD EPYC 9654 (2 threads)", Hardware::Cpu).short(Some(2)), "CPU · 2 threads");
        assert_eq!(of("cpu", "any", Hardware::Cpu).short(Some(1)), "CPU · 1 thread");
        assert_eq!(of("cuda:0", "NVIDIA H200", Hardware::Gpu).short(None), "H200 (CUDA)");
        assert_eq!(of("wgpu:1", "NVIDIA GeForce RTX 4090", Hardware::Gpu).short(None), "RTX 4090 (wgpu)");
    }

    #[test]
    fn auto_never_takes_a_software_gpu() {
        let device = |id: &str, hardware| DeviceInfo {
            id: id.into(),
            name: id.into(),
            hardware,
            memory_mib: None,
            largest_buffer: None,
        };
        let cpu = device("cpu", Hardware::Cpu);
        let soft = device("wgpu:0", Hardware::SoftwareGpu);
        let gpu = device("wgpu:1", Hardware::Gpu);
        assert_eq!(auto(&[cpu.clone(), soft.clone()]).0, 0);
        assert_eq!(auto(&[cpu, soft, gpu]).0, 2);
    }
}
