"""Objects of images, as other programs write them down, into `Examples`.

| module | files |
|---|---|
| `coco` | one JSON file of all images |
| `voc` | an XML file an image |
| `yolo` | a text file an image |
| `annotations` | what is checked of all of them |

    examples = datasets.from_coco("instances.json", images="photos", size=320)
    objects = detection.pad_objects(examples.boxes, examples.box_labels)
"""
