// Runs kernels on the CPU for the tests, over a pipe. All numbers are 64-bit and little-endian.
//
//   'K'                                  -> count, then for each kernel: name length, name, bytes of its
//                                           parameters, most threads of a block
//   'A' bytes                            -> address of a new buffer of garbage
//   'W' address bytes data               -> nothing
//   'R' address bytes                    -> data
//   'L' index grid block shared bytes parameters -> 1
//   'G' a b c batches m n k, strides of a, b, c  -> 1: the products cuBLASLt would leave
//   'F'                                  -> nothing; frees every buffer
//
// A buffer ends where a page ends that cannot be touched. The process dies of a kernel that does.
#include "../platform.cuh"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <memory>

Dim threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

u8* dynamic_shared;

std::vector<Kernel>& kernels() {
    static std::vector<Kernel> all;
    return all;
}

namespace {

constexpr size_t STACK = 128 << 10, MOST_THREADS = 1024;

struct Copy {
    void* to;
    const void* from;
};

struct Thread {
    enum { FRESH, READY, AT_BLOCK, AT_WARP, ENDED } state;
    size_t fiber;
    unsigned parity;
    std::vector<std::vector<Copy>> groups;
    std::vector<Copy> open;
};

struct Fiber {
    std::unique_ptr<unsigned char[]> stack;
    ucontext_t context;
    jmp_buf at;
    bool started = false;
    bool idle = true;
};

Thread threads[MOST_THREADS];
Fiber fibers[MOST_THREADS];
size_t fiber_count;
unsigned current;
jmp_buf scheduler;
const Kernel* kernel;
const void* parameters;
Slot slots[MOST_THREADS / 32][2][32];

// A fiber runs one thread after another, so that threads without barriers share one.
void body(int index) {
    Fiber& fiber = fibers[index];
    for (;;) {
        kernel->call(parameters);
        Thread& thread = threads[current];
        for (auto& group : thread.groups)
            if (!group.empty()) {
                fprintf(stderr, "%s ends with copies under way\n", kernel->name);
                abort();
            }
        thread.state = Thread::ENDED;
        fiber.idle = true;
        if (_setjmp(fiber.at) == 0) _longjmp(scheduler, 1);
    }
}

void pause(decltype(Thread::state) state) {
    Thread& thread = threads[current];
    thread.state = state;
    if (_setjmp(fibers[thread.fiber].at) == 0) _longjmp(scheduler, 1);
}

void resume(unsigned index) {
    Thread& thread = threads[index];
    current = index;
    threadIdx.x = index;
    if (thread.state == Thread::FRESH) {
        size_t f = 0;
        while (f < fiber_count && !fibers[f].idle) f++;
        if (f == fiber_count) fiber_count++;
        thread.fiber = f;
        fibers[f].idle = false;
    }
    thread.state = Thread::READY;
    Fiber& fiber = fibers[thread.fiber];
    if (_setjmp(scheduler) != 0) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    fiber.stack.reset(new unsigned char[STACK]);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = STACK;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, reinterpret_cast<void (*)()>(body), 1,
                static_cast<int>(thread.fiber));
    setcontext(&fiber.context);
}

void stuck(const char* why) {
    fprintf(stderr, "%s: %s\n", kernel->name, why);
    abort();
}

void run_block() {
    unsigned count = blockDim.x;
    for (unsigned t = 0; t < count; t++) {
        threads[t].state = Thread::FRESH;
        threads[t].groups.clear();
        threads[t].open.clear();
    }
    for (;;) {
        bool moved = false;
        unsigned ended = 0, waiting = 0;
        for (unsigned warp = 0; warp < count; warp += 32) {
            unsigned last = warp + 32 < count ? warp + 32 : count;
            for (unsigned t = warp; t < last; t++)
                if (threads[t].state == Thread::FRESH || threads[t].state == Thread::READY) {
                    resume(t);
                    moved = true;
                }
            unsigned at_warp = 0;
            for (unsigned t = warp; t < last; t++) {
                at_warp += threads[t].state == Thread::AT_WARP;
                ended += threads[t].state == Thread::ENDED;
                waiting += threads[t].state == Thread::AT_BLOCK;
            }
            if (at_warp == 32) {
                for (unsigned t = warp; t < last; t++) threads[t].state = Thread::READY;
                moved = true;
            } else if (at_warp != 0) {
                stuck("lanes of a warp part at a warp-wide instruction");
            }
        }
        if (ended == count) return;
        if (waiting == count) {
            for (unsigned t = 0; t < count; t++) threads[t].state = Thread::READY;
        } else if (!moved) {
            stuck("some threads wait at a barrier that others never reach");
        }
    }
}

}  // namespace

void block_barrier() { pause(Thread::AT_BLOCK); }
void warp_barrier() { pause(Thread::AT_WARP); }

Slot* exchange(const void* value, size_t size) {
    // A set is written again only after every lane has passed the barrier of the other one.
    unsigned parity = threads[current].parity++ % 2;
    Slot* set = slots[current / 32][parity];
    memcpy(set[current % 32].bytes, value, size);
    warp_barrier();
    return set;
}

void copy_later(void* to, const void* from) { threads[current].open.push_back({to, from}); }

void commit_copies() {
    threads[current].groups.push_back(std::move(threads[current].open));
    threads[current].open.clear();
}

void wait_for_copies(size_t left) {
    auto& groups = threads[current].groups;
    while (groups.size() > left) {
        for (Copy& copy : groups.front()) {
            if (copy.from)
                memcpy(copy.to, copy.from, 16);
            else
                memset(copy.to, 0, 16);
        }
        groups.erase(groups.begin());
    }
}

static void launch(size_t index, unsigned grid, unsigned block, size_t shared, const void* bytes) {
    kernel = &kernels()[index];
    if (block == 0 || block > kernel->threads || block % 32 != 0) stuck("block of a wrong size");
    static std::vector<u8> room;
    room.resize(shared + 16);
    dynamic_shared = room.data() + (16 - reinterpret_cast<uintptr_t>(room.data()) % 16) % 16;
    parameters = bytes;
    gridDim.x = grid;
    blockDim.x = block;
    for (unsigned b = 0; b < grid; b++) {
        blockIdx.x = b;
        memset(dynamic_shared, 0xA5, shared);
        for (auto& thread : threads) thread.parity = 0;
        run_block();
    }
}

}  // namespace shim

namespace {

void read_all(void* to, size_t bytes) {
    if (fread(to, 1, bytes, stdin) != bytes) exit(0);
}

u64 number() {
    u64 n;
    read_all(&n, sizeof n);
    return n;
}

void write_all(const void* from, size_t bytes) { fwrite(from, 1, bytes, stdout); }

void answer(u64 n) {
    write_all(&n, sizeof n);
    fflush(stdout);
}

struct Buffer {
    void* base;
    size_t bytes;
};
std::vector<Buffer> buffers;

u64 allocate(u64 bytes) {
    size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    size_t room = (bytes + page - 1) / page * page + page;
    void* base = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(static_cast<u8*>(base) + room - page, page, PROT_NONE) != 0)
        exit(3);
    memset(base, 0xA5, room - page);
    buffers.push_back({base, room});
    // Aligned as device memory is where it matters: to 16 bytes.
    return reinterpret_cast<u64>(base) + (room - page - (bytes + 15) / 16 * 16);
}

void products(const u64 (&p)[10]) {
    for (u64 z = 0; z < p[3]; z++) {
        const i8* a = reinterpret_cast<const i8*>(p[0]) + z * p[7];
        const i8* b = reinterpret_cast<const i8*>(p[1]) + z * p[8];
        i32* c = reinterpret_cast<i32*>(p[2]) + z * p[9];
        for (u64 m = 0; m < p[4]; m++)
            for (u64 n = 0; n < p[5]; n++) {
                u32 sum = 0;
                for (u64 k = 0; k < p[6]; k++)
                    sum += static_cast<u32>(a[m * p[6] + k] * b[n * p[6] + k]);
                c[m * p[5] + n] = static_cast<i32>(sum);
            }
    }
}

}  // namespace

int main() {
    for (;;) {
        int command = getchar();
        switch (command) {
            case 'K':
                answer(shim::kernels().size());
                for (auto& kernel : shim::kernels()) {
                    answer(strlen(kernel.name));
                    write_all(kernel.name, strlen(kernel.name));
                    answer(kernel.size);
                    answer(kernel.threads);
                }
                break;
            case 'A': answer(allocate(number())); break;
            case 'W': {
                u64 at = number(), bytes = number();
                read_all(reinterpret_cast<void*>(at), bytes);
                break;
            }
            case 'R': {
                u64 at = number(), bytes = number();
                write_all(reinterpret_cast<void*>(at), bytes);
                fflush(stdout);
                break;
            }
            case 'L': {
                u64 index = number(), grid = number(), block = number(), shared = number();
                std::vector<u8> parameters(number());
                read_all(parameters.data(), parameters.size());
                if (index >= shim::kernels().size() ||
                    parameters.size() != shim::kernels()[index].size)
                    return 4;
                shim::launch(index, static_cast<unsigned>(grid), static_cast<unsigned>(block), shared,
                             parameters.data());
                answer(1);
                break;
            }
            case 'G': {
                u64 p[10];
                for (u64& n : p) n = number();
                products(p);
                answer(1);
                break;
            }
            case 'F':
                for (auto& buffer : buffers) munmap(buffer.base, buffer.bytes);
                buffers.clear();
                break;
            default: return command == EOF ? 0 : 5;
        }
    }
}
