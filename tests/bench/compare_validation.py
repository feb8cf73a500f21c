#!/usr/bin/env python3
"""What `ptq validate` costs over the two bare inferences that it cannot do without.

    compare_validation.py PTQ FP32 QUANTIZED DATA [--samples N] [--rounds N]

DATA is a folder of .npz files with one or more samples each, at least 2 N in all. Bare: ONNX Runtime
in this process, both models over N samples that are in memory, two at a time on one thread each.
`ptq validate` runs as a process of its own over 2 N and over N samples with as many threads; the
difference is what N samples cost it, reading and checking files included, loading left out. Prints
the ratio of each round, and their median and extremes. Needs Python packages onnxruntime and numpy,
and is no part of the test suite.
"""
import argparse
import glob
import os
import statistics
import subprocess
import threading
import time

import numpy
import onnxruntime


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options)


def read_samples(folder, names, count):
    samples = []
    for path in sorted(glob.glob(os.path.join(folder, "*.npz"))):
        with numpy.load(path) as file:
            arrays = {name: file[name] for name in names}
        for i in range(min(len(array) for array in arrays.values())):
            samples.append({name: array[i:i + 1] for name, array in arrays.items()})
            if len(samples) == count:
                return samples
    raise SystemExit(f"{folder}: expected {count} samples, found {len(samples)}")


def bare(model, samples):
    waiting = iter(samples)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                sample = next(waiting, None)
            if sample is None:
                return
            model.run(None, sample)

    start = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ptq")
    parser.add_argument("fp32")
    parser.add_argument("quantized")
    parser.add_argument("data")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    models = [session(arguments.fp32), session(arguments.quantized)]
    names = [value.name for value in models[0].get_inputs()]
    samples = read_samples(arguments.data, names, arguments.samples)

    def validate(count):
        command = [arguments.ptq, "validate", arguments.fp32, arguments.quantized, "--data", arguments.data,
                   "--samples", str(count), "--threads", "2", "--quiet"]
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start

    ratios = []
    for _ in range(arguments.rounds):
        inference = sum(bare(model, samples) for model in models)
        added = validate(2 * len(samples)) - validate(len(samples))
        ratios.append(added / inference)
        print(f"two bare inferences {inference:.2f} s, validate {added:.2f} s, ratio {ratios[-1]:.3f}", flush=True)
    print(f"median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")


if __name__ == "__main__":
    main()
