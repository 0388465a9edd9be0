//! Gradients on the pixels, and what a frozen network leaves alone.

use super::*;
use crate::engine::learn::Probed;
use crate::engine::nets::graph::Tap;

/// Every kind of probe that a network has.
fn probes(graph: &Graph) -> Vec<Probe> {
    graph.taps().into_iter().flat_map(|tap| [Probe::Values(tap.clone()), Probe::Statistics(tap)]).collect()
}

/// A forward and a backward pass with gradients at the logits and at all probes; all the bits that come out.
fn passes(network: &mut CpuNetwork, (batch, side): (usize, usize)) -> Vec<Vec<u32>> {
    let given = network.forward(&images("input", batch, side), batch, Masks::default()).unwrap();
    let loss: Vec<f32> = formula("loss", given.logits.len()).collect();
    let entries: Vec<Entry<'_>> = given.probed.iter().map(entry).collect();
    let of_input = network.backward(&Gradients { logits: Some(&loss), probes: &entries }).unwrap();
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect();
    let mut all = vec![bits(&given.logits), bits(&of_input.unwrap_or_default())];
    all.extend(network.gradients().unwrap().tensors().values().map(|t| bits(&t.values)));
    all
}

/// Half of the squares' gradient.
pub(super) fn entry(probed: &Probed) -> Entry<'_> {
    match probed {
        Probed::Values(feature) => Entry::Values(&feature.values),
        Probed::Statistics(statistics) => Entry::Statistics(statistics),
    }
}

#[test]
fn a_frozen_network_holds_no_gradients_of_its_weights_and_works_on_none() {
    for arch in ["conv3x8", "mobilenet_v2", "small alexnet"] {
        let side = if arch == "small alexnet" { 31 } else { 64 };
        for (setup, learnt) in [
            (Setup::frozen(Vec::new()), false),
            (training(Wanted::Input), false),
            (training(Wanted::Both), true),
            (training(Wanted::Parameters), true),
        ] {
            let mut network = network((arch, side), &setup, best());
            passes(&mut network, (2, side));
            let packed = network.packed.iter().flatten().map(|p| p.gradient.len() + p.bias_gradient.len());
            let held = network.tensors.iter().map(|t| t.gradient.len());
            assert_eq!(packed.sum::<usize>() > 0, learnt, "{arch}, {:?}", setup.mode);
            assert_eq!(held.sum::<usize>() > 0, learnt, "{arch}, {:?}", setup.mode);
            let phases = network.program.trunk.backward.iter().chain(&network.program.head.backward);
            assert_eq!(phases.map(|phase| phase.weights.len()).sum::<usize>() > 0, learnt, "{arch}, {:?}", setup.mode);
            assert_eq!(network.gradients().unwrap().tensors().is_empty(), !learnt);
        }
    }
}

#[test]
fn the_pixels_gradient_changes_no_bit_of_the_parameters() {
    for (arch, side) in
        [("conv3x24", 16), ("resnet8_cifar", 32), ("mobilenet_v2", 64), ("small alexnet", 31), ("grouped", 13)]
    {
        let run = |wanted| passes(&mut network((arch, side), &training(wanted), best()), (3, side));
        let [plain, both, input] = [Wanted::Parameters, Wanted::Both, Wanted::Input].map(run);
        assert_eq!((&plain[0], &plain[2..]), (&both[0], &both[2..]), "{arch}");
        assert_eq!(&both[..2], input, "{arch}");
        assert!(plain[1].is_empty() && both[1].len() == 3 * 3 * side * side);
    }
}

/// Eleven images are a group of rows and a part of one.
#[test]
fn threads_and_registers_change_no_bit_of_the_pixels_gradient() {
    for (arch, side) in [("conv3x24", 16), ("densenet121", 32), ("small alexnet", 31), ("grouped", 13)] {
        let graph = graph_of(arch, side);
        for mode in [Mode::Frozen, Mode::Train(Wanted::Both)] {
            let setup = Setup { mode, probes: probes(&graph), logits: true };
            let run = |threads: usize, isa: Isa| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| passes(&mut network((arch, side), &setup, isa), (11, side)))
            };
            let mut of_fused = None;
            for isa in Isa::all() {
                let one = run(1, isa);
                assert_eq!(run(3, isa), one, "{arch}, {mode:?} on {isa:?}");
                if isa.fused() {
                    assert_eq!(of_fused.get_or_insert_with(|| one.clone()), &one, "{arch}, {mode:?} on {isa:?}");
                }
            }
        }
    }
}

#[test]
fn gradients_that_fit_nothing_are_errors() {
    let graph = graph("conv3x8", 16);
    let setup = Setup::frozen(vec![Probe::Values(Tap::Stage(1)), Probe::Statistics(Tap::Stage(2))]);
    let mut network = network(("conv3x8", 16), &setup, best());
    let mut refused = |given: &dyn Fn(&Forward) -> Vec<f32>, at: usize| {
        let forward = network.forward(&images("input", 2, 16), 2, Masks::default()).unwrap();
        let values = given(&forward);
        let mut entries = [Entry::Nothing, Entry::Nothing];
        entries[at] = Entry::Values(&values);
        network.backward(&Gradients { logits: None, probes: &entries }).is_err()
    };
    let whole = |f: &Forward| f.probed[0].values().unwrap().values.clone();
    assert!(!refused(&whole, 0));
    assert!(refused(&|f| whole(f)[1..].to_vec(), 0), "one value is missing");
    assert!(refused(&whole, 1), "values where statistics were shown");
    assert!(network.backward(&Gradients::default()).is_err(), "each forward pass has one backward pass");
    assert!(network.repeat_statistics().is_err(), "frozen statistics don't move");
    let unknown = Setup::frozen(vec![Probe::Values(Tap::Stage(9))]);
    let error = CpuNetwork::new(graph.clone(), &Weights::by_formula(&graph), &unknown).err().unwrap();
    assert!(error.to_string().contains("Stage(9)"), "{error}");
}

/// The same features and gradients as beside logits that no loss looks at, for less.
#[test]
fn a_pass_for_features_alone_ends_with_the_last_of_them() {
    let side = 64;
    for (arch, tap) in [
        ("conv3x24", Tap::Stage(2)),
        ("conv3x24", Tap::Features),
        ("mobilenet_v2", Tap::Stage(2)),
        ("mobilenet_v2", Tap::Features),
        ("vgg11", Tap::Features),
    ] {
        let probes = vec![Probe::Values(tap.clone())];
        let run = |setup: Setup| {
            let mut network = network((arch, side), &setup, best());
            let given = network.forward(&images("input", 9, side), 9, Masks::default()).unwrap();
            let entries: Vec<Entry<'_>> = given.probed.iter().map(entry).collect();
            let of_input = network.backward(&Gradients { logits: None, probes: &entries }).unwrap().unwrap();
            assert!(of_input.iter().any(|&g| g != 0.0), "{arch}");
            let steps = network.program.trunk.steps.len() + network.program.head.steps.len();
            (given, of_input, steps)
        };
        let [whole, part] = [Setup::frozen(probes.clone()), Setup::frozen_features(probes)].map(run);
        assert_eq!((&whole.0.probed, &whole.1), (&part.0.probed, &part.1), "{arch}, {tap:?}");
        assert!(part.0.logits.is_empty() && whole.0.logits.len() == 90);
        assert!(part.2 < whole.2, "{arch}, {tap:?}: {} steps of {}", part.2, whole.2);
    }
}

/// Values per image that stay between the passes.
#[test]
fn a_frozen_network_keeps_far_less_than_a_training() {
    for (arch, share) in [("conv3x64", 0.35), ("mobilenet_v2", 0.35), ("resnet18", 0.6)] {
        let side = 64;
        let statistics = graph(arch, side).taps().into_iter().filter(|tap| matches!(tap, Tap::NormInput(_)));
        let probes: Vec<Probe> = statistics.map(Probe::Statistics).collect();
        let kept = |mode| {
            let mut network = network((arch, side), &Setup { mode, probes: probes.clone(), logits: true }, best());
            passes(&mut network, (1, side));
            let Space { values, gradients, .. } = &network.trunks[0];
            values.iter().chain(gradients).map(Vec::len).sum::<usize>() as f64
        };
        let part = kept(Mode::Frozen) / kept(Mode::Train(Wanted::Input));
        assert!(part < share, "{arch}: {part}");
    }
}

/// Two norms of one value, each with a probe: both gradients enter, and each once.
#[test]
fn norms_that_share_their_input_serve_a_probe_each() {
    let side = 8;
    let mut graph = Graph::images(side);
    let norm = Op::BatchNorm { channels: 20, epsilon: 1e-5, momentum: 0.1 };
    let x = graph.conv(0, Conv::new(3, 20, 3, 1).padded(1).biased(), "a");
    let y = graph.push_keyed(norm, &[x], "na");
    let y = graph.activate(y, Activation::Relu);
    let z = graph.push_keyed(norm, &[x], "nb");
    let x = graph.push(Op::Add, &[y, z]);
    let x = graph.push(Op::GlobalMean, &[x]);
    graph.linear(x, (20, 10), "head");
    let weights = Weights::by_formula(&graph);
    let of_input = |entered: [bool; 2]| {
        let probes = ["na", "nb"].map(|key| Probe::Statistics(Tap::NormInput(key.to_owned())));
        let mut network =
            CpuNetwork::with_isa(graph.clone(), &weights, &Setup::frozen(probes.to_vec()), best()).unwrap();
        let given = network.forward(&images("input", 2, side), 2, Masks::default()).unwrap();
        assert_eq!(given.probed[0], given.probed[1]);
        let entries: Vec<Entry<'_>> = given.probed.iter().map(entry).collect();
        let entries: Vec<Entry<'_>> =
            entries.into_iter().zip(entered).map(|(e, enters)| if enters { e } else { Entry::Nothing }).collect();
        network.backward(&Gradients { logits: Some(&given.logits), probes: &entries }).unwrap().unwrap()
    };
    let [none, first, second, both] = [[false, false], [true, false], [false, true], [true, true]].map(of_input);
    let largest = both.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
    assert!(first.iter().zip(&none).any(|(a, b)| (a - b).abs() > 0.01 * largest));
    for at in 0..both.len() {
        let sum = first[at] + second[at] - none[at];
        assert!((both[at] - sum).abs() < 1e-5 * largest, "{}, not {sum}", both[at]);
    }
}
