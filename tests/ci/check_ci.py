#!/usr/bin/env python3
"""The recipes of docs/ci.md: the script passes on good models, fails on one that was spoilt and on
samples that cannot be read, and leaves its artefacts each time. Standard library only."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

# Half of all values is clipped.
SPOILT = '--estimator percentile --percentile 50'


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--ptq', required=True, help='the program')
    parser.add_argument('--data', required=True, help='the folder data/ of the repository')
    parser.add_argument('--document', required=True, help='docs/ci.md')
    return parser.parse_args()


options = arguments()
CALIBRATION = os.path.join(options.data, 'fashion_calib.npz')
EVALUATION = os.path.join(options.data, 'fashion_test.npz')


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def expect(condition, what):
    if not condition:
        sys.exit('failed: ' + what)


def blocks(language):
    return re.findall(f'```{language}\n(.*?)```', read(options.document), re.S)


def gate(folder, model, calibration=CALIBRATION, quantize_options='', hosted=False):
    """Runs the script as a job does; the exit code, stderr and the folder of artefacts."""
    script, out = os.path.join(folder, 'gate.sh'), os.path.join(folder, 'artefacts of a job')
    with open(script, 'w', encoding='utf-8') as file:
        file.write(blocks('sh')[0])
    environment = {k: v for k, v in os.environ.items() if not k.startswith('GITHUB_')}
    environment.update(OUT=out, QUANTIZE_OPTIONS=quantize_options,
                       PATH=os.path.dirname(options.ptq) + os.pathsep + os.environ['PATH'])
    if hosted:
        environment.update(GITHUB_ACTIONS='true',
                           GITHUB_STEP_SUMMARY=os.path.join(folder, 'summary'))
    done = subprocess.run(['sh', script, os.path.join(options.data, model), calibration,
                           EVALUATION], capture_output=True, text=True, env=environment,
                          cwd=folder, check=False)
    return done.returncode, done.stderr, out


def junit(out, verb):
    """Test cases by name, with what went wrong: None, 'failure' or 'error'."""
    cases = xml.parse(os.path.join(out, verb + '.xml')).getroot().iter('testcase')
    return {case.get('name'): next((child.tag for child in case
                                    if child.tag in ('failure', 'error')), None)
            for case in cases}


def check_good(model):
    with tempfile.TemporaryDirectory(prefix='ptq-ci-') as folder:
        code, log, out = gate(folder, model)
        expect(code == 0, f'{model} passes, found exit code {code}\n{log}')
        cases = junit(out, 'validate')
        expect('max-drop' in cases and not any(cases.values()), f'no failures, found {cases}')
        expect('PASS' in read(os.path.join(out, 'report.html')), 'PASS on the page')
        expect('::error' not in log, 'no annotations outside of GitHub Actions')
        for verb in ('data', 'diagnose', 'quantize'):
            expect(not any(junit(out, verb).values()), f'{verb} passes')


def check_spoilt():
    with tempfile.TemporaryDirectory(prefix='ptq-ci-') as folder:
        code, log, out = gate(folder, 'fashion_resnet.onnx', quantize_options=SPOILT, hosted=True)
        expect(code == 1, f'the spoilt model misses gates: exit code 1, found {code}\n{log}')
        expect(junit(out, 'validate').get('max-drop') == 'failure', 'max-drop fails')
        expect('::error title=ptq validate max-drop' in log, 'an annotation of the missed gate')
        expect('FAIL' in read(os.path.join(out, 'report.html')), 'the page is written all the same')
        expect('FAIL' in read(os.path.join(folder, 'summary')), 'the summary of the job says it')


def check_overlap():
    with tempfile.TemporaryDirectory(prefix='ptq-ci-') as folder:
        code, log, out = gate(folder, 'fashion_resnet.onnx', calibration=EVALUATION)
        cases = junit(out, 'validate')
        expect(code == 1 and cases.get('forbid-overlap') == 'failure',
               f'samples that were calibrated on judge nothing, found {code}, {cases}\n{log}')


def check_unreadable():
    with tempfile.TemporaryDirectory(prefix='ptq-ci-') as folder:
        code, log, out = gate(folder, 'fashion_resnet.onnx',
                              calibration=os.path.join(folder, 'absent.npz'))
        expect(code == 3, f'absent samples are exit code 3, found {code}\n{log}')
        expect('error' in junit(out, 'data').values(), 'an error among the test cases')


def check_options():
    """Every option that the document names is one of its verb."""
    for command in re.findall(r'\bptq ((?:data )?[a-z]+) ((?:.*\\\n)*.*)', '\n'.join(blocks('sh'))):
        help_text = subprocess.run([options.ptq, *command[0].split(), '--help'],
                                   capture_output=True, text=True, check=True).stdout
        for option in re.findall(r'(--[a-z][a-z-]+)', command[1]):
            expect(option in help_text, f'ptq {command[0]} has an option {option}')
    for recipe in blocks('yaml'):
        expect('sh ci/gate.sh ' in recipe and '\t' not in recipe, 'recipes call the script')
    expect(len(blocks('yaml')) == 2 and len(blocks('sh')) == 1, 'one script and two recipes')


check_options()
check_good('fashion_resnet.onnx')
check_good('fashion_vit.onnx')
check_spoilt()
check_overlap()
check_unreadable()
print('the recipes of docs/ci.md do what they say')
