#!/usr/bin/env python3
"""Wall time and peak memory of `ptq calibrate`, of plain inference, and of ONNX Runtime's calibrators.

    compare_calibrators.py PTQ MODEL DATA [--samples N] [--rounds N] [--threads N] [--methods M,...]

DATA is a folder of .npz files, one sample each; with more --samples than files they are taken again
and again. Every measurement is a process of its own, loading included, and the processes of a round
follow each other, so that what the machine does meanwhile meets all of them; ratios are taken within
a round. Needs Python packages onnx, onnxruntime and numpy, and is no part of the test suite.
"""
import argparse
import glob
import os
import statistics
import subprocess
import sys
import tempfile
import time

METHODS = {"inference": None, "minmax": "MinMax", "percentile": "Percentile", "entropy": "Entropy"}


def feeds(folder, count):
    import numpy
    files = sorted(glob.glob(os.path.join(folder, "*.npz")))
    for i in range(count):
        with numpy.load(files[i % len(files)]) as file:
            yield dict(file)


def infer(model, folder, count, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options)
    names = {value.name for value in session.get_inputs()}
    for feed in feeds(folder, count):
        session.run(None, {name: feed[name] for name in names})


def calibrate(model, folder, count, method):
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod
    from onnxruntime.quantization.calibrate import create_calibrator
    names = {value.name for value in onnx.load(model, load_external_data=False).graph.input}

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.samples = feeds(folder, count)

        def get_next(self):
            feed = next(self.samples, None)
            return None if feed is None else {k: v for k, v in feed.items() if k in names}

    with tempfile.TemporaryDirectory() as scratch:
        calibrator = create_calibrator(
            model, ["Conv", "MatMul", "Gemm", "Add", "Mul"], os.path.join(scratch, "augmented.onnx"),
            calibrate_method=getattr(CalibrationMethod, method))
        calibrator.collect_data(Reader())
        calibrator.compute_data()


def measure(command):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        return None
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def ptq_command(arguments, scratch):
    files = sorted(glob.glob(os.path.join(arguments.data, "*.npz")))
    listing = os.path.join(scratch, "samples.txt")
    with open(listing, "w") as out:
        for i in range(arguments.samples):
            out.write(os.path.abspath(files[i % len(files)]) + "\n")
    return [arguments.ptq, "calibrate", arguments.model, "--data", "@" + listing, "--force", "-q",
            "-o", os.path.join(scratch, "s.ptqstats"), "--threads", str(arguments.threads)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ptq")
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", default="inference,minmax,percentile,entropy")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child == "inference":
        return infer(arguments.model, arguments.data, arguments.samples, arguments.threads)
    if arguments.child:
        return calibrate(arguments.model, arguments.data, arguments.samples,
                         METHODS[arguments.child])
    rows = {name: [] for name in ["ptq", *arguments.methods.split(",")]}
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(arguments.rounds):
            for name, results in rows.items():
                command = ptq_command(arguments, scratch) if name == "ptq" else [
                    sys.executable, __file__, arguments.ptq, arguments.model, arguments.data,
                    "--samples", str(arguments.samples), "--threads", str(arguments.threads),
                    "--child", name]
                results.append(measure(command))
    print(f"{os.path.basename(arguments.model)}: {arguments.samples} samples, "
          f"{arguments.threads} threads, {arguments.rounds} rounds")
    for name, results in rows.items():
        if None in results:
            print(f"  {name:<11} failed")
            continue
        seconds = [result[0] for result in results]
        ratios = [result[0] / ptq[0] for result, ptq in zip(results, rows["ptq"])]
        memory = max(result[1] for result in results)
        print(f"  {name:<11} {statistics.median(seconds):8.2f} s ({min(seconds):.2f} - {max(seconds):.2f})"
              f"   {statistics.median(ratios):6.2f} x ptq ({min(ratios):.2f} - {max(ratios):.2f})"
              f"   {memory:8.0f} MiB")
    return None


if __name__ == "__main__":
    main()
