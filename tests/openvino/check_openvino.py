#!/usr/bin/env python3
"""OpenVINO as a second judge of quantized files.

Quantizes the networks of data/ (and of the zoo beside the repository, when it is there) for the
targets openvino and ort-x86, runs the files in ONNX Runtime and in OpenVINO, and asks three things:

- the answers are the same: SQNR between the two of at least 35 dB or, where quantizing itself costs
  more, 2 dB above that of ONNX Runtime to FP32 (in deep networks one code that is rounded the other
  way changes the codes of all later layers);
- OpenVINO is not further from FP32 than ONNX Runtime by more than 2 dB;
- in OpenVINO's execution graph every convolution and matrix product of a weight runs in integers;
  for ort-x86 but those whose weight is UINT8 or whose activation has the scale 1 (OpenVINO computes
  both in float).

Exit code 77 (skipped) when the openvino module is not installed: tools/test.sh --openvino.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

SKIPPED = 77
SAME_DB = 35  # beyond it two answers count as the same
SLACK_DB = 2
PRODUCTS = ('Convolution', 'Deconvolution', 'FullyConnected', 'MatMul')


def use_python_with_openvino(venv):
    """Starts this script again under the interpreter of the venv, or says why it is skipped."""
    python = os.path.join(venv, 'bin', 'python')
    if os.path.exists(python) and 'PTQ_OPENVINO_VENV' not in os.environ:
        os.execve(python, [python] + sys.argv, {**os.environ, 'PTQ_OPENVINO_VENV': venv})
    print('skipped: the openvino module is not installed; tools/test.sh --openvino installs it '
          'into the build folder')
    sys.exit(SKIPPED)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--ptq', required=True, help='the ptq program')
    parser.add_argument('--data', required=True, help='the folder data/ of the repository')
    parser.add_argument('--venv', required=True, help='virtual environment with openvino')
    parser.add_argument('--zoo', default='', help='folder with models/ and data/')
    parser.add_argument('--only', default='', help='networks whose name holds this text')
    return parser.parse_args()


options = arguments()
try:
    import numpy as np
    import onnxruntime
    import openvino
except ImportError:
    use_python_with_openvino(options.venv)

import samples  # noqa: E402


def sqnr(reference, other):
    worst = 999.0
    for a, b in zip(reference, other):
        a, b = a.astype('f8'), b.astype('f8')
        error = ((a - b) ** 2).sum()
        worst = min(worst, 10 * np.log10(max((a ** 2).sum(), 1e-30) / max(error, 1e-30)))
    return worst


def stack(runs):
    """Answers of several samples, output by output."""
    return [np.concatenate([run[k].ravel() for run in runs]) for k in range(len(runs[0]))]


def ort_answers(path, feeds):
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, settings, providers=['CPUExecutionProvider'])
    return stack([session.run(None, feed) for feed in feeds])


class OpenVino:
    def __init__(self, path):
        # On processors with bfloat16 units float operators would otherwise lose 16 bits.
        self.compiled = openvino.Core().compile_model(
            path, 'CPU', {'INFERENCE_PRECISION_HINT': 'f32'})

    def answers(self, feeds):
        runs = []
        for feed in feeds:
            result = self.compiled(feed)
            runs.append([result[output] for output in self.compiled.outputs])
        return stack(runs)

    def products(self):
        """(name, primitive) of each product; integer primitives end in I8."""
        found = []
        for node in self.compiled.get_runtime_model().get_ordered_ops():
            info = node.get_rt_info()
            if info['layerType'].astype(str) in PRODUCTS:
                found.append((node.get_friendly_name(), info['primitiveType'].astype(str)))
        return found


def quantize(model, target, calibration, folder):
    output = os.path.join(folder, 'quantized.onnx')
    report = os.path.join(folder, 'report.json')
    run = subprocess.run(
        [options.ptq, 'quantize', model, '--target', target, '--data', calibration, '-o', output,
         '--json-out', report, '--force', '-q'], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f'ptq quantize {model} --target {target} ended with {run.returncode}: '
                           f'{run.stderr.strip()}')
    with open(report, encoding='utf-8') as file:
        return output, json.load(file)


def float_products_allowed(report):
    unsigned = sum(weight['type'] == 'uint8' for weight in report['weights'])
    identity = sum(value['scale'] == 1 and value['zero_point'] == 0
                   for value in report['activations'])
    return unsigned + identity


def check(name, model, target, calibration, feeds, folder):
    """Failures, as sentences; prints one line of figures."""
    path, report = quantize(model, target, calibration, folder)
    fp32 = ort_answers(model, feeds)
    ours = ort_answers(path, feeds)
    judge = OpenVino(path)
    theirs = judge.answers(feeds)
    products = judge.products()
    in_float = [f'{product} ({primitive})' for product, primitive in products
                if not primitive.endswith('I8')]
    allowed = float_products_allowed(report) if target == 'ort-x86' else 0
    between = sqnr(ours, theirs)
    ort_db, openvino_db = sqnr(fp32, ours), sqnr(fp32, theirs)
    print(f'{name:32} {target:9} ONNX Runtime to OpenVINO {between:5.1f} dB; to FP32 {ort_db:5.1f} '
          f'and {openvino_db:5.1f} dB; {len(products) - len(in_float)} of {len(products)} products '
          f'in integers', flush=True)
    failures = []
    least = min(SAME_DB, ort_db + SLACK_DB)
    if between < least:
        failures.append(f'answers differ: {between:.1f} dB, expected at least {least:.1f}')
    if min(openvino_db, SAME_DB) < min(ort_db, SAME_DB) - SLACK_DB:
        failures.append(f'OpenVINO is further from FP32: {openvino_db:.1f} dB, ONNX Runtime '
                        f'{ort_db:.1f} dB')
    if len(in_float) > allowed:
        failures.append(f'{len(in_float)} products in float, expected at most {allowed}: '
                        + ', '.join(in_float[:5]))
    weights = sum(weight['type'] == 'int8' for weight in report['weights'])
    if len(products) - len(in_float) < weights - allowed:
        failures.append(f'{weights} int8 weights, but only {len(products) - len(in_float)} products '
                        'in integers')
    return [f'{name} {target}: {failure}' for failure in failures]


def write_calibration(path, feeds):
    os.makedirs(path)
    for i, feed in enumerate(feeds):
        np.savez(os.path.join(path, f'{i:04}.npz'), **feed)


def main():
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        cases = []
        for name in ('fashion_resnet', 'fashion_vit'):
            cases.append((name, os.path.join(options.data, name + '.onnx'),
                          os.path.join(options.data, 'fashion_calib.npz'),
                          samples.fashion(options.data, 'fashion_test.npz', 200)))
        if os.path.isdir(os.path.join(options.zoo, 'models')):
            zoo = samples.Zoo(options.zoo)
            for name, maker in zoo.makers().items():
                if options.only in name:
                    feeds = maker(20)
                    calibration = os.path.join(folder, name)
                    write_calibration(calibration, feeds[:16])
                    cases.append((name, zoo.models()[name], calibration, feeds[16:]))
        else:
            print('the zoo is not beside the repository: only the networks of data/ are checked')
        for name, model, calibration, feeds in cases:
            if options.only in name:
                for target in ('openvino', 'ort-x86'):
                    failures += check(name, model, target, calibration, feeds, folder)
    for failure in failures:
        print('FAILED', failure)
    sys.exit(1 if failures else 0)


main()
