#!/usr/bin/env python3
"""libptq_observe in Python with the public wheel of ONNX Runtime.

  check_wheel.py --ptq PTQ --library LIBRARY --data DATA --document docs/production.md [--venv VENV]

Runs the Python program of the document as it stands there, then a pool of processes, threads on one
session and a process that is killed. Exit code 77 (skipped) when onnxruntime is not installed:
tools/test.sh --wheel.
"""
import argparse
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

SKIPPED = 77

POOL = '''
import multiprocessing, os, sys
import numpy, onnxruntime

def work(first):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.register_custom_ops_library(LIBRARY)
    session = onnxruntime.InferenceSession("m.obs.onnx", options)
    name = session.get_inputs()[0].name
    images = numpy.load(DATA)[name]
    for i in range(first, first + 10):
        session.run(None, {name: images[i:i + 1]})
    del session  # a worker of multiprocessing leaves by _exit: closing the session writes

if __name__ == "__main__":
    for method in ("spawn", "fork"):
        workers = [multiprocessing.get_context(method).Process(target=work, args=(10 * k,))
                   for k in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
'''

THREADS = '''
import concurrent.futures, sys
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.register_custom_ops_library(LIBRARY)
session = onnxruntime.InferenceSession("m.obs.onnx", options)
name = session.get_inputs()[0].name
images = numpy.load(DATA)[name]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda i: session.run(None, {name: images[i:i + 1]}), range(64)))
'''

KILLED = '''
import time
import numpy, onnxruntime
options = onnxruntime.SessionOptions()
options.register_custom_ops_library(LIBRARY)
session = onnxruntime.InferenceSession("m.obs.onnx", options)
name = session.get_inputs()[0].name
images = numpy.load(DATA)[name]
while True:
    for i in range(100):
        session.run(None, {name: images[i:i + 1]})
'''


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--ptq', required=True, help='the program')
    parser.add_argument('--library', required=True, help='libptq_observe.so')
    parser.add_argument('--data', required=True, help='the folder data/ of the repository')
    parser.add_argument('--document', required=True, help='docs/production.md')
    parser.add_argument('--venv', default='', help='virtual environment with onnxruntime')
    return parser.parse_args()


options = arguments()
DATA = os.path.join(options.data, 'fashion_test.npz')
MODEL = os.path.join(options.data, 'fashion_resnet.onnx')
PYTHON = os.path.join(options.venv, 'bin', 'python')
if not os.path.exists(PYTHON):
    PYTHON = sys.executable


def script(folder, text):
    path = os.path.join(folder, 'program.py')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'LIBRARY = {options.library!r}\nDATA = {DATA!r}\n{text}')
    return path


def run(words, folder, **environment):
    result = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300,
                            env=dict(os.environ, **environment), check=False)
    if result.returncode:
        sys.exit(f'{words} failed ({result.returncode}):\n{result.stdout}{result.stderr}')
    return result.stdout


def python(folder, text, **environment):
    return run([PYTHON, script(folder, text)], folder, **environment)


def summary(folder, name):
    text = run([options.ptq, 'stats', 'show', name, '--format', 'json'], folder)
    return json.loads(text)['summary']


def expect(what, found, wanted):
    if found != wanted:
        sys.exit(f'{what}: expected {wanted}, found {found}')


def fresh(folder, *more):
    for path in glob.glob(os.path.join(folder, '*')):
        os.remove(path)
    run([options.ptq, 'instrument', MODEL, '-o', 'm.obs.onnx', *more], folder)


def statistics(folder):
    return sorted(os.path.basename(p) for p in glob.glob(os.path.join(folder, '*.ptqstats')))


def check_document(folder):
    with open(options.document, encoding='utf-8') as file:
        program = re.search(r'```python\n(.*?)```', file.read(), re.S).group(1)
    program = program.replace('"libptq_observe.so"', 'LIBRARY').replace('"requests.npz"', 'DATA')
    fresh(folder, '--every', '10')
    python(folder, program)
    found = summary(folder, 'week.ptqstats')
    expect('runs of the document', found['production']['runs'], 100)
    expect('counted runs of the document', found['production']['counted_runs'], 10)
    run([options.ptq, 'calibrate', MODEL, '--data', DATA, '--samples', '20', '-o', 'a'], folder)
    text = run([options.ptq, 'coverage', '--calibration', 'a', '--production', 'week.ptqstats'],
               folder)
    expect('coverage says where statistics come from', '10 of 100 runs counted' in text, True)


def check_processes(folder):
    fresh(folder, '--every', '1')
    python(folder, POOL)
    files = statistics(folder)
    expect('files of four processes', len(files), 4)
    run([options.ptq, 'merge', *files, '-o', 'all'], folder)
    found = summary(folder, 'all')
    expect('samples of four processes', found['samples'], 40)
    expect('different ones', found['production']['different_samples'], 20)


def check_threads(folder):
    fresh(folder, '--every', '4')
    python(folder, THREADS)
    found = summary(folder, statistics(folder)[0])
    expect('runs of eight threads', found['production']['runs'], 64)
    expect('counted runs of eight threads', found['production']['counted_runs'], 16)


def check_kill(folder):
    fresh(folder, '--every', '1', '--stats-file', 'k.ptqstats')
    with subprocess.Popen([PYTHON, script(folder, KILLED)], cwd=folder,
                          env=dict(os.environ, PTQ_OBSERVE_FLUSH='1')) as process:
        for _ in range(600):
            if statistics(folder):
                break
            time.sleep(0.1)
        time.sleep(1.5)  # in the middle of further writes
        process.send_signal(signal.SIGKILL)
        process.wait()
    expect('something survives a kill', summary(folder, 'k.ptqstats')['samples'] > 0, True)


def main():
    if subprocess.run([PYTHON, '-c', 'import onnxruntime, numpy'], capture_output=True,
                      check=False).returncode:
        print('onnxruntime is not installed; tools/test.sh --wheel installs it')
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        for check in (check_document, check_processes, check_threads, check_kill):
            check(folder)
            print(f'{check.__name__}: passed', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
