# SPDX-License-Identifier: Apache-2.0
# The borders of design: a folder of libfhir includes only itself and those before it, so do the rooms
# of fhir/; it knows nothing of httpd, and each header compiles alone.
use strict;
use warnings;
use FHIR::Test::System qw(build_dir built read_file source_dir run work_dir write_file);
use Test::More;

my @LAYERS = qw(core model store cache fhir auth portal);
my %rank = map { $LAYERS[$_] => $_ } 0 .. $#LAYERS;
# The two users of libfhir include all of it and themselves.
my %users = map { $_ => 1 } qw(httpd fhirctl);
# The rooms of fhir/. Of the files beside its folders, issues are below all; the request's record and
# what every interaction writes with (call) are used by the rooms behind; the rest uses all of them.
my @ROOMS = qw(issue format extract fhirpath validate convert call query page search write operation service);
my %room_rank = map { $ROOMS[$_] => $_ } 0 .. $#ROOMS;
my %BESIDE = (fhir_issue => 'issue', 'fhir_service.h' => 'call',
    map { $_ => 'call' } qw(fhir_binary fhir_bundle fhir_call fhir_interactions fhir_outcome fhir_renamed
        fhir_spoken));
my $HTTPD_HEADER = qr{^(?:httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|scoreboard|mpm_common)\.h$};

my $source = source_dir() . '/mod_fhir';
my (@folders, %files);
for my $path (glob "$source/*/*.[ch] $source/*/*/*.[ch] $source/*/*.inc") {
    my ($folder) = $path =~ m{^\Q$source\E/(\w+)/};
    push @{ $files{$folder} }, $path;
}

sub room_fault {
    my ($path, $name) = @_;
    my ($from, $to) = map { scalar room_rank($_) } $path, $name;
    return defined $from && defined $to && $to > $from ? 'is of a room above this one' : '';
}

# The rank of a file of fhir/ by its room; of a room that is not listed, none.
sub room_rank {
    my ($name) = @_;
    my ($room, $file) = $name =~ m{^fhir/(?:(\w+)/)?(\w+\.[ch])$} or return;
    return $room_rank{ $room // $BESIDE{$file} // $BESIDE{ $file =~ s/\..$//r } // 'service' };
}

# What is wrong with the includes of a file of that folder.
sub include_faults {
    my ($folder, $path, $text) = @_;
    my @faults;
    while ($text =~ /^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/mg) {
        my ($quote, $name) = ($1, $2);
        my ($target) = $name =~ m{^(\w+)/};
        my $why
            = $name =~ /\.\./ ? 'is relative'
            : $quote eq '<' && $name =~ $HTTPD_HEADER && $folder ne 'httpd' ? "is httpd's"
            : $quote eq '<' ? ''
            : !$target || !-e "$source/$name" ? 'is no path below mod_fhir/'
            : $target eq $folder ? room_fault($path, $name)
            : $users{$target} ? 'belongs to a user of libfhir'
            : $users{$folder} ? ''
            : $rank{$target} > $rank{$folder} ? 'is above this folder' : '';
        push @faults, "$path: $name $why" if $why;
    }
    return @faults;
}

# The test of the test: what it must find.
is(scalar include_faults('core', 'x', qq(#include "fhir/fhir_service.h"\n)), 1, 'sees an include upwards');
is(scalar include_faults('fhir', 'x', "# include <httpd.h>\n"), 1, "sees httpd's header");
is(scalar include_faults('fhir', 'x', qq(#include "fhir_service.h"\n)), 1, 'sees a bare name');
is(scalar include_faults('fhir', 'x', qq(#include "core/fhir_err.h"\n#include <apr.h>\n)), 0,
    'takes what is right');
is(scalar include_faults('fhir', 'fhir/format/x.c', qq(#include "fhir/query/fhir_sql.h"\n)), 1,
    'sees an include of a room above');
is(scalar include_faults('fhir', 'fhir/fhir_call.c', qq(#include "fhir/fhir_routes.h"\n)), 1,
    'also beside the rooms');
is(scalar include_faults('fhir', 'fhir/fhir_read.c', qq(#include "fhir/query/fhir_sql.h"\n)), 0,
    'takes one of a room below');
is(join(' ', grep { !exists $room_rank{$_} } map { m{/fhir/(\w+)/$} } glob "$source/fhir/*/"), '',
    'each room of fhir/ has its place');

for my $folder (sort keys %files) {
    ok(exists $rank{$folder} || $users{$folder}, "mod_fhir/$folder is a folder of the design");
    my @faults = map { include_faults($folder, $_ =~ s/^\Q$source\E\///r, read_file($_)) }
        @{ $files{$folder} };
    is(join("\n", @faults), '', "$folder includes only what it may");
}

# No symbol of httpd's in the library, in whatever way it came.
my $symbols = run({}, 'nm', '-u', built('.libs/libfhir.a'));
is($symbols->{status}, 0, 'nm reads libfhir');
is(join(' ', $symbols->{out} =~ /\bU ((?:ap|mpm|unixd)_\w+)/g), '', 'libfhir needs no symbol of httpd');

# Each header compiles alone, first in its file.
my %config = read_file(build_dir() . '/config.status') =~ /^S\["(\w+)"\]="(.*)"$/mg;
my @flags = map { split ' ' } @config{qw(APR_CFLAGS APU_CFLAGS YAJL_CFLAGS XML_CFLAGS PQ_CFLAGS
    SSL_CFLAGS ZLIB_CFLAGS HTTPD_CPPFLAGS)};
my @faults;
for my $path (grep { /\.h$/ } map { @{ $files{$_} } } sort keys %files) {
    my $name = $path =~ s/^\Q$source\E\///r;
    my $file = write_file(work_dir() . '/alone.c', qq(#include "$name"\ntypedef int not_empty;\n));
    my $done = run({}, split(' ', $config{CC}), '-std=gnu11', '-Wall', '-Wextra', '-Werror',
        '-fsyntax-only', "-I$source", @flags, $file);
    push @faults, "$name: $done->{err}" if $done->{status};
}
is(join("\n", @faults), '', 'each header compiles alone');

done_testing;
