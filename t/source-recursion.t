# SPDX-License-Identifier: Apache-2.0
# Which functions call themselves, directly or around a corner, as the compiler left the calls in the
# objects. Each is listed below with what bounds it; t/unit/stack_test.c takes those that go over
# data of clients to that bound, on a stack of 128 KB. A new one fails here until it is listed.
use strict;
use warnings;
use FHIR::Test::System qw(build_dir read_file run source_dir);
use List::Util qw(uniq);
use Test::More;

my $tree   = 'nodes of a tree: FHIR_NODE_DEPTH_MOST, which the parsers and patches keep';
my $search = 'conditions of a search: FHIRHopsMax, and brackets as many';
my $model  = 'types of the model, which is ours';
my $sets   = 'value sets in value sets: FHIR_TERMS_DEPTH_MAX';
my $own    = 'no data of clients';
my $nested = 'profiles within profiles: DEPTH_MAX (fhir_profile.c); references that are followed: one';
my $path   = 'the syntax tree of an expression: MAX_DEPTH, MAX_NEST (fhir_path_parse.c)';
my %bounded = (
    'core/fhir_page.c'                  => [ [ 'fhir_view_json json_list', 'lists in lists of our views: two' ],
        [ 'render', 'parts of our pages in pages: NESTING_MAX' ] ],
    'core/fhir_decimal.c'               => [ [ 'render', 'once: with zeros put behind' ] ],
    'core/fhir_node.c'                  => [ [ 'equal write_node', $tree ] ],
    'fhir/convert/fhir_convert_code.c'  => [ [ 'fhir_convert_has_code', $model ] ],
    'fhir/convert/fhir_convert_extension.c' =>
        [ [ 'fhir_convert_extension fhir_convert_lose find_one lose_into', $tree ] ],
    'fhir/convert/fhir_convert_list.c'  => [ [ 'fhir_convert_hash', $tree ] ],
    'fhir/convert/fhir_convert_merge.c' => [ [ 'is_part merge strip', $tree ] ],
    'fhir/convert/fhir_convert_plan.c'  => [ [ 'build_steps fhir_convert_plan set_target', $model ] ],
    'fhir/convert/fhir_convert_profile.c' => [ [ 'has has_member', 'a path of the table, of three names' ] ],
    'fhir/convert/fhir_convert_reference.c' => [ [ 'refer', $tree ] ],
    'fhir/convert/fhir_convert_run.c' =>
        [ [ 'fhir_convert_copy fhir_convert_object is_taken item_goes lose member_goes', $tree ] ],
    'fhir/convert/fhir_convert_value.c' => [ [ 'fhir_convert_choose fhir_convert_would', $tree ] ],
    'fhir/extract/fhir_extract.c'       => [ [ 'find_exists visit walk', $tree ] ],
    'fhir/fhirpath/fhir_path_collection.c' => [
        [ 'merge_sort', 'logarithm of the number of items' ],
        [ 'fn_aggregate fn_all fn_combine fn_exclude fn_exists fn_iif fn_intersect fn_repeat fn_select fn_skip fn_sort '
            . 'fn_subset fn_take fn_union fn_where', $path ] ],
    'fhir/fhirpath/fhir_path_convert.c' => [
        [ 'to_moment', 'once: a date of a dateTime' ],
        [ 'convert fn_code fn_converts fn_escape fn_to', $path ] ],
    'fhir/fhirpath/fhir_path_equal.c'   => [ [ 'nodes_equal objects_equal arrays_equivalent', $tree ] ],
    'fhir/fhirpath/fhir_path_eval.c'    => [ [ 'argument operand path_arg path_arg_integer path_arg_string '
            . 'path_criterion path_eval path_lambda truth', $path ] ],
    'fhir/fhirpath/fhir_path_fhir.c' =>
        [ [ 'fn_conforms_to fn_define_variable fn_extension fn_member_of fn_trace', $path ] ],
    'fhir/fhirpath/fhir_path_math.c'    => [ [ 'fn_boundary fn_comparable fn_power fn_real fn_round', $path ] ],
    'fhir/fhirpath/fhir_path_string.c'  =>
        [ [ 'fn_join fn_matches fn_replace fn_replace_matches fn_search fn_split fn_substring pattern', $path ] ],
    'fhir/fhirpath/fhir_path_nav.c'     => [ [ 'fhir_path_location', $tree ] ],
    'fhir/fhirpath/fhir_path_parse.c'   => [ [ 'expression invocation prefix', $path ] ],
    'fhir/fhirpath/fhir_path_quantity.c' => [ [ 'terms', 'brackets of a unit: MAX_NEST' ] ],
    'fhir/format/fhir_comments.c'       => [ [ 'fhir_comments_strip', $tree ] ],
    'fhir/format/fhir_html.c'           => [ [ 'elements extension', 'elements in elements: DEPTH_MAX' ] ],
    'fhir/format/fhir_subset.c'         => [ [ 'find_references summarize', $tree ] ],
    'fhir/format/fhir_xml_write.c'      => [ [ 'write_content write_members write_one write_resource', $tree ] ],
    'fhir/query/fhir_contained.c'       => [ [ 'fhir_contained_chain', $search ] ],
    'fhir/query/fhir_cost.c'            => [ [ 'advise advise_node', $search ] ],
    'fhir/query/fhir_grant.c'           => [ [ 'fhir_grant_sql', $search ] ],
    'fhir/query/fhir_grant_patient.c'   => [ [ 'refers_to', $model ] ],
    'fhir/query/fhir_predicate.c'       => [ [ 'fhir_predicate_can', $model ],
        [ 'each_component fhir_predicate_append', $search ] ],
    'fhir/query/fhir_predicate_json.c'  =>
        [ [ 'collect', $model ], [ 'fhir_predicate_has_modifier fhir_predicate_special', $search ] ],
    'fhir/query/fhir_predicate_keys.c'  => [ [ 'has_places is_term', $model ] ],
    'fhir/query/fhir_query.c'           => [ [ 'condition fhir_query_forced fhir_query_sortable', $search ] ],
    'fhir/query/fhir_query_filter.c'    => [ [ 'fhir_query_filter parse_or', $search ] ],
    'fhir/query/fhir_query_words.c'     => [ [ 'all any one', 'brackets of words: their limit' ] ],
    'fhir/query/fhir_resolve.c'         => [ [ 'children kind_of resolve', $search ],
        [ 'fhir_resolve_grant', 'scopes that depend on others: SCOPES_DEEP' ] ],
    'fhir/query/fhir_terms.c'           => [ [ 'fhir_terms_set find_set', $sets ],
        [ 'fhir_terms_system system_by_id', 'once: by the URL that belongs to the id' ] ],
    'fhir/query/fhir_terms_set.c'       => [ [ 'add_expanded', $tree ],
        [ 'add_part component compose fhir_terms_set_carried fhir_terms_set_stored imported system_part', $sets ] ],
    'fhir/query/fhir_terms_system.c'    => [ [ 'add_concepts', $tree ] ],
    'fhir/query/fhir_spoken_query.c'    => [ [ 'chain_path', $search ] ],
    'fhir/query/fhir_sql.c'             => [ [ 'fhir_sql_node follow join linked', $search ] ],
    'fhir/search/fhir_include.c'        => [ [ 'columns_of', $model ] ],
    'fhir/search/fhir_order.c'          => [ [ 'key_expr', $model ] ],
    'fhir/extract/fhir_extract_mentions.c' => [ [ 'has_patient_element', $model ], [ 'walk', $tree ] ],
    'fhir/validate/fhir_check.c'        => [ [ 'check_container check_item check_object check_primitive', $tree ] ],
    'fhir/validate/fhir_check_bundle.c' =>
        [ [ 'check_path', 'words of a path, which is ours' ], [ 'check_sections', $tree ] ],
    'fhir/validate/fhir_check_contained.c' => [ [ 'refers_up', $tree ] ],
    'fhir/validate/fhir_check_rules.c'  => [ [ 'check_items collect_links', $tree ] ],
    'fhir/validate/fhir_binding.c'      => [ [ 'fhir_target_hold', $nested ] ],
    'fhir/validate/fhir_extension.c'    => [ [ 'hold_parts', $tree ], [ 'hold_definition', $nested ] ],
    'fhir/validate/fhir_profile.c'      => [ [ 'contains equals fhir_profile_node', $tree ],
        [ 'fhir_profile_fits fhir_profile_hold fhir_walk_fits hold_type', $nested ] ],
    'fhir/validate/fhir_slice.c'        =>
        [ [ 'admits fhir_slices_hold has_criteria', $tree ], [ 'profile_matches', $nested ] ],
    'fhir/validate/fhir_ucum.c'         => [ [ 'component term', 'brackets of a unit: DEPTH_MAX' ] ],
    'fhir/validate/fhir_validate.c'     => [ [ 'walk walk_resource', $tree ] ],
    'fhir/operation/fhir_op_translate.c' => [ [ 'put_map put_unmapped', 'maps that are followed: 4' ] ],
    'fhir/write/fhir_input.c'           => [ [ 'copy_places', $tree ] ],
    'fhir/write/fhir_input_spoken.c'    => [ [ 'mark', $tree ] ],
    'fhir/write/fhir_patch_json.c'      => [ [ 'copy_node fits', $tree ] ],
    'fhir/write/fhir_patch_path.c'      =>
        [ [ 'add_member copy make_pair', $tree ],
        [ 'object_of place_of', 'once: what holds a primitive is an object' ] ],
    'fhir/write/fhir_refs.c'            => [ [ 'walk_members walk_value', $tree ] ],
    'portal/fhir_portal_docs_core.c'    => [ [ 'walk', 'elements in elements of a profile: DEPTH_MAX' ] ],
    'portal/fhir_portal_docs_write.c'   => [ [ 'add_references', $tree ],
        [ 'add_required put_members', 'elements in elements of the model: DEPTH_MAX' ] ],
    'fhirctl/fhirctl_index.c'           => [ [ 'change', $own ] ],
    'fhirctl/load/load_batch.c'         => [ [ 'write_rows', 'halves of a batch' ] ],
    'fhirctl/load/load_queue.c'         => [ [ 'new_block pass_all', 'once: the queue is emptied' ] ],
    'fhirctl/load/load_shape.c'         => [ [ 'path_of', $tree ] ],
    'fhirctl/load/load_source.c'        => [ [ 'add_path', 'folders in folders, of the administrator' ] ],
    'fhirctl/sample/sample_survey.c'     => [ [ 'answered_items form_items', $own ] ],
);

# Calls by pointer that come back to who called. (To entries of a batch, handlers come back once: a
# Bundle in a Bundle is not run.)
my %by_pointer = (
    'fhir/fhirpath/fhir_path_eval.c'  => qr{^fhir/fhirpath/\w+\.c:fn_},
    'fhir/validate/fhir_profile.c'    =>
        qr{^fhir/validate/(?:fhir_profile\.c:fhir_profile_hold|fhir_extension\.c:hold_definition)\b},
    'fhir/validate/fhir_validate.c'   => qr{^fhir/validate/fhir_validate\.c:walk(?:_resource)?$},
);

my ($source, $build) = (source_dir(), build_dir());
my @objects = grep { !m{/model/} } split /\n/, run({}, 'find', "$build/mod_fhir", '-name', '*.o')->{out};
@objects = grep { m{/\.libs/} || m{/fhirctl/} } @objects;
plan skip_all => 'objdump is not there, or the machine is another' if run({}, 'objdump', '--version')->{status}
    || `uname -m` !~ /x86_64/;

# file => function => { callee => 1 }; what is called in other files has no file yet. A part that the
# compiler split from a function (f.part.0, f.isra.0) is a function of its own here: a call of it by
# the rest is no recursion.
my (%calls, %pointers, %home);
for my $object (@objects) {
    my $file = $object =~ s{^\Q$build\E/mod_fhir/}{}r =~ s{\.libs/}{}r =~ s{\w+-(?=\w+\.o$)}{}r =~ s{\.o$}{.c}r;
    next if !-e "$source/mod_fhir/$file";
    # what other files can call
    $home{$_} //= $file for run({}, 'nm', '--defined-only', $object)->{out} =~ /^\w+ T (\w+)$/mg;
    my ($function, $shown);
    for (split(/\n/, run({}, 'objdump', '-dr', '--no-show-raw-insn', $object)->{out}), '') {
        # Where a relocation follows, it names who is called, and what stands at the call means nothing.
        if (/R_X86_64_(?:PLT32|PC32|GOTPCREL\w*)\s+([A-Za-z_][\w.]*)/) {
            $calls{$file}{$function}{ $1 =~ s/\.cold$//r } = 1 if defined $shown;
            undef $shown;
            next;
        }
        $calls{$file}{$function}{$shown} = 1 if $shown;
        undef $shown;
        if (/^[0-9a-f]+ <([^>]+)>:/) {
            $function = $1 =~ s/\.cold$//r;
            $calls{$file}{$function} ||= {};
        }
        elsif (/\s(?:call|j[a-z]+)\s+[0-9a-f]+ <([^>]+)>/) { $shown = $1 =~ /\+/ ? '' : $1 =~ s/\.cold$//r }
        elsif (/\scall\s+\*/) { $pointers{$file}{$function} = 1 }
    }
}
cmp_ok(scalar keys %calls, '>', 80, 'objects are read');

# file:function => those that it calls, with their files
my %graph;
for my $file (keys %calls) {
    for my $function (keys %{ $calls{$file} }) {
        for my $callee (keys %{ $calls{$file}{$function} }) {
            my $where = $calls{$file}{$callee} ? $file : $home{$callee};
            $graph{"$file:$function"}{"$where:$callee"} = 1 if $where;
        }
    }
}
my @all = map { my $file = $_; map {"$file:$_"} keys %{ $calls{$file} } } keys %calls;
for my $file (keys %by_pointer) {
    my $back = $by_pointer{$file};
    for my $function (keys %{ $pointers{$file} || {} }) {
        $graph{"$file:$function"}{$_} = 1 for grep { /$back/ } @all;
    }
}

# Tarjan's strongly connected components, without recursion.
my (%number, %low, %on, @stack, @recursive, $next);
for my $root (sort @all) {
    next if $number{$root};
    my @work = ([ $root, undef ]);
    while (@work) {
        my ($node, $left) = @{ $work[-1] };
        if (!$left) {
            $number{$node} = $low{$node} = ++$next;
            push @stack, $node;
            $on{$node} = 1;
            $left = $work[-1][1] = [ sort keys %{ $graph{$node} || {} } ];
        }
        if (defined(my $to = shift @$left)) {
            if (!$number{$to}) { push @work, [ $to, undef ] }
            elsif ($on{$to}) { $low{$node} = $number{$to} if $number{$to} < $low{$node} }
            next;
        }
        pop @work;
        my $parent = @work ? $work[-1][0] : undef;
        $low{$parent} = $low{$node} if $parent && $low{$node} < $low{$parent};
        next if $low{$node} != $number{$node};
        my @component;
        do { push @component, pop @stack; $on{ $component[-1] } = 0 } while $component[-1] ne $node;
        push @recursive, @component if @component > 1 || $graph{$node}{$node};
    }
}
cmp_ok(scalar @recursive, '>', 20, 'recursion is found');

my %known;
for my $file (keys %bounded) {
    for my $row (@{ $bounded{$file} }) {
        my ($functions, $bound) = @$row;
        ok($bound, "$file: $functions have a bound");
        $known{"$file:$_"} = 1 for split / /, $functions;
    }
}
@recursive = uniq(map { s/\.(?:part|isra|constprop)\b.*//r } @recursive);
is(join("\n", sort grep { !$known{$_} } @recursive), '', 'each function that recurses is listed with its bound')
    or diag "Bound it, list it above with its bound, and take it there in t/unit/stack_test.c";
my @gone;
for (sort keys %known) {
    my ($file, $function) = /^(.*):(.*)$/;
    push @gone, $_ if !-e "$source/mod_fhir/$file" or read_file("$source/mod_fhir/$file") !~ /\b\Q$function\E\(/;
}
is("@gone", '', 'and what is listed is there');
done_testing;
