/* The Python face: Model(data, instruction_set="") with score, raw, shape; instruction_sets(). */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdlib.h>
#include <string.h>

#include "ensemble.h"

/* Sums of so many numbers lie on the stack. */
#define FEW_SUMS 512

typedef struct {
    PyObject_HEAD
    Ensemble *ensemble;
} Model;

/* The kernels that this processor runs, the best first; there is always the plain one. */
static int usable(const Kernel *found[3])
{
    int n = 0;
#ifdef HAS_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        found[n++] = &kernel_avx512;
    if (__builtin_cpu_supports("avx2"))
        found[n++] = &kernel_avx2;
#endif
    found[n++] = &kernel_plain;
    return n;
}

static const Kernel *kernel_named(const char *name)
{
    const Kernel *found[3];
    int n = usable(found);
    if (!*name)
        return found[0];
    for (int i = 0; i < n; i++)
        if (!strcmp(found[i]->name, name))
            return found[i];
    return NULL;
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"data", "instruction_set", NULL};
    Py_buffer data;
    const char *wanted = "", *problem = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|s:Model", names, &data, &wanted))
        return NULL;
    const char *forced = getenv("BINNED_INSTRUCTION_SET");
    if (!*wanted && forced)
        wanted = forced;
    const Kernel *kernel = kernel_named(wanted);
    Model *self = NULL;
    if (!kernel) {
        PyErr_Format(PyExc_ValueError, "the instruction set '%.20s' is not to be had here", wanted);
    } else {
        allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
        self = (Model *)alloc(type, 0);
        if (self && !(self->ensemble = ensemble_load(data.buf, (size_t)data.len, kernel, &problem))) {
            if (!strcmp(problem, "memory"))
                PyErr_NoMemory();
            else
                PyErr_Format(PyExc_ValueError, "the bytes are no binned ensemble: %s", problem);
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&data);
    return (PyObject *)self;
}

static void model_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ensemble_free(((Model *)self)->ensemble);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

/* Take a C-contiguous buffer of one of the formats; `size` is how many items it must hold, or 0 for any. */
static int take_buffer(PyObject *object, Py_buffer *view, const char *formats, int is_written, size_t size, const char *name)
{
    int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (is_written ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags))
        return -1;
    const char *format = view->format ? view->format : "B";
    int is_known = *format && !format[1] && strchr(formats, *format);
    if (is_known && (!size || (size_t)view->len == size * 8))
        return 0;
    PyErr_Format(PyExc_ValueError, "%s: an array of another %s is wanted", name, is_known ? "size" : "dtype");
    PyBuffer_Release(view);
    return -1;
}

/* Score what the buffers hold; `labels` may be NULL. With `as_raw` values are the sums themselves. */
static int score(const Ensemble *e, const Py_buffer *features, size_t rows, double *values, int64_t *labels, int as_raw)
{
    int is_float = *features->format == 'f', failed;
    if (as_raw)
        return e->kernel->sums(e, features->buf, is_float, rows, values);
    double few[FEW_SUMS], *raw = few;
    if (rows * e->n_targets > FEW_SUMS && !(raw = malloc(rows * e->n_targets * sizeof(double))))
        return -1;
    failed = e->kernel->sums(e, features->buf, is_float, rows, raw);
    if (!failed)
        ensemble_finish(e, raw, rows, values, labels);
    if (raw != few)
        free(raw);
    return failed;
}

static PyObject *run(Model *self, PyObject *features, PyObject *values, PyObject *labels, int as_raw)
{
    const Ensemble *e = self->ensemble;
    Py_buffer in, out, chosen;
    if (take_buffer(features, &in, "df", 0, 0, "features"))
        return NULL;
    size_t row_size = (size_t)in.itemsize * e->n_features, rows = (size_t)in.len / row_size;
    size_t width = as_raw ? e->n_targets : e->n_values, most = PY_SSIZE_T_MAX / 16 / (e->n_targets + (size_t)1);
    int failed = -1, has_labels = labels != Py_None;
    if (rows * row_size != (size_t)in.len || !rows || rows > most) {
        PyErr_Format(PyExc_ValueError, "features: rows of %u cells are wanted, one or more", (unsigned)e->n_features);
    } else if (!take_buffer(values, &out, "d", 1, rows * width, as_raw ? "raw" : "values")) {
        if (has_labels && !e->rule) {
            PyErr_SetString(PyExc_ValueError, "labels: the ensemble has none");
        } else if (!has_labels || !take_buffer(labels, &chosen, "lq", 1, rows, "labels")) {
            Py_BEGIN_ALLOW_THREADS
            failed = score(e, &in, rows, out.buf, has_labels ? chosen.buf : NULL, as_raw);
            Py_END_ALLOW_THREADS
            if (failed)
                PyErr_NoMemory();
            if (has_labels)
                PyBuffer_Release(&chosen);
        }
        PyBuffer_Release(&out);
    }
    PyBuffer_Release(&in);
    if (failed)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *model_score(PyObject *self, PyObject *args)
{
    PyObject *features, *values, *labels;
    if (!PyArg_ParseTuple(args, "OOO:score", &features, &values, &labels))
        return NULL;
    return run((Model *)self, features, values, labels, 0);
}

static PyObject *model_raw(PyObject *self, PyObject *args)
{
    PyObject *features, *raw;
    if (!PyArg_ParseTuple(args, "OO:raw", &features, &raw))
        return NULL;
    return run((Model *)self, features, raw, Py_None, 1);
}

static PyObject *model_shape(PyObject *self, void *unused)
{
    (void)unused;
    const Ensemble *e = ((Model *)self)->ensemble;
    return Py_BuildValue("(IIIO)", e->n_features, e->n_targets, e->n_values, e->rule ? Py_True : Py_False);
}

static PyObject *model_instruction_set(PyObject *self, void *unused)
{
    (void)unused;
    return PyUnicode_FromString(((Model *)self)->ensemble->kernel->name);
}

static PyObject *instruction_sets(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    const Kernel *found[3];
    int n = usable(found);
    PyObject *names = PyTuple_New(n);
    for (int i = 0; names && i < n; i++) {
        PyObject *name = PyUnicode_FromString(found[i]->name);
        if (!name || PyTuple_SetItem(names, i, name))
            Py_CLEAR(names);
    }
    return names;
}

static PyMethodDef model_methods[] = {
    {"score", model_score, METH_VARARGS, "score(features, values, labels): fill values [rows, n_values] and labels [rows], or None."},
    {"raw", model_raw, METH_VARARGS, "raw(features, raw): fill raw [rows, n_targets] with the sums of the leaves."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef model_getters[] = {
    {"shape", model_shape, NULL, "(n_features, n_targets, n_values, has_label)", NULL},
    {"instruction_set", model_instruction_set, NULL, "The instruction set that it runs with.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot model_slots[] = {
    {Py_tp_doc, "Model(data, instruction_set=''): one ensemble of a binned model file, checked whole."},
    {Py_tp_new, model_new},
    {Py_tp_dealloc, model_dealloc},
    {Py_tp_methods, model_methods},
    {Py_tp_getset, model_getters},
    {0, NULL},
};

static PyType_Spec model_spec = {"_binned.Model", sizeof(Model), 0, Py_TPFLAGS_DEFAULT, model_slots};

static int exec_module(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &model_spec, NULL);
    int failed = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;
    Py_XDECREF(type);
    return failed;
}

static PyMethodDef module_methods[] = {
    {"instruction_sets", instruction_sets, METH_NOARGS, "The instruction sets that this processor has, the best first."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, exec_module}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_binned", "Trees over binned columns.", 0, module_methods, module_slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__binned(void)
{
    return PyModuleDef_Init(&definition);
}
