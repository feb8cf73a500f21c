"""Samples for the networks that check_openvino.py runs: real images, sound features and tokens.

Each maker returns a list of {input name: array} with one sample an entry.
"""
import os

import numpy as np

MEAN = np.array([.485, .456, .406], 'f4')[:, None, None]
STD = np.array([.229, .224, .225], 'f4')[:, None, None]


def fashion(data, name, count):
    images = np.load(os.path.join(data, name))['image'][:count].astype('f4')
    return [{'image': images[i:i + 1]} for i in range(len(images))]


class Zoo:
    """Models and data beside the repository; small images stand in for large ones, magnified."""

    def __init__(self, folder):
        self.folder = folder

    def models(self):
        return {name: os.path.join(self.folder, 'models', name + '.onnx') for name in self.makers()}

    def load(self, name):
        return np.load(os.path.join(self.folder, 'data', name))

    def images(self, count):
        return self.load('cifar10_calib.npz')['images'][:count].astype('f4')  # [n, 3, 32, 32]

    def magnified(self, key, size, prepare, count):
        factor = -(-max(size) // 32)
        out = []
        for image in self.images(count):
            big = np.repeat(np.repeat(image, factor, 1), factor, 2)[:, :size[0], :size[1]]
            out.append({key: prepare(big)[None].astype('f4')})
        return out

    def rows(self, file, names, count):
        source = self.load(file)
        return [{key: convert(source[field][i:i + 1]) for key, field, convert in names}
                for i in range(count)]

    def makers(self):
        """Name of a model: function of a number that makes so many samples."""
        def torch(x): return (x / 255 - MEAN) / STD
        def same(x): return x
        def ids(n):
            return [(key, key, lambda x: x.astype('i8')) for key in n]
        return {
            'cifar10_resnet20': lambda n: self.magnified('input', (32, 32), torch, n),
            'mlperftiny_resnet8_cifar10': lambda n: [
                {'input': x.transpose(1, 2, 0)[None]} for x in self.images(n)],
            'mobilenetv2_torch_bn': lambda n: self.magnified('input', (224, 224), torch, n),
            'efficientnet_lite0': lambda n: self.magnified(
                'input', (224, 224), lambda x: (x - 127) / 128, n),
            'squeezenet1.1': lambda n: self.magnified('data', (224, 224), torch, n),
            'pplcnet_text_orientation': lambda n: self.magnified('x', (224, 224), torch, n),
            'yolox_nano_coco416': lambda n: self.magnified('images', (416, 416), same, n),
            'ch_ppocr_mobile_v2.0_cls_infer': lambda n: self.magnified(
                'x', (48, 192), lambda x: x / 127.5 - 1, n),
            'mlperftiny_kws_dscnn': lambda n: self.rows(
                'kws_mfcc.npz', [('input', 'features', same)], n),
            'kwt1_speech_commands12': lambda n: self.rows(
                'kws_clips.npz', [('input', 'audio', lambda x: x.astype('f4') / 32767)], n),
            'sst2_minibert': lambda n: self.rows(
                'sst2.npz', ids(['input_ids', 'attention_mask']), n),
            'paraphrase_minilm_l3_v8690': lambda n: self.rows(
                'stsb_calib.npz', ids(['input_ids', 'attention_mask']), n),
            'stories260K': lambda n: self.rows('tinystories.npz', ids(['tokens']), n),
        }
